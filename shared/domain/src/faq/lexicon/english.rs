//! The words of English that shoppers use.

use super::Words;

/// Of English.
pub const WORDS: Words =
    Words { meanings: MEANINGS, carriers: CARRIERS, function: FUNCTION, specific: SPECIFIC, common: COMMON };

const MEANINGS: &[(&str, &str)] = &[
    ("account", "account profile membership user_account user_profile"),
    ("add", "add include insert"),
    ("address", "address"),
    (
        "agent",
        "agent human person operator representative rep somebody someone staff advisor employee people",
    ),
    ("arrive", "arrive arrival come receive eta"),
    (
        "cancel",
        "cancel annul void revoke withdraw withdrawal terminate termination undo call_off dont_want not_want no_longer_want",
    ),
    ("change", "change modify modification edit alter amend update correct correction adjust rectify"),
    ("check", "check see view look inspect consult find verify show"),
    ("complain", "complain complaint claim grievance"),
    ("contact", "contact reach call phone talk speak chat email write get_in_touch"),
    ("create", "create open setup set_up start"),
    ("fee", "fee charge cost price penalty expense how_much"),
    ("forget", "forget forgot forgotten lose lost remember"),
    ("get", "get obtain download fetch"),
    ("invoice", "invoice bill receipt"),
    ("item", "item product article goods thing"),
    ("method", "method option way mode choice alternative means"),
    ("newsletter", "newsletter bulletin mailing_list"),
    (
        "opinion",
        "good great excellent perfect amazing awesome fantastic nice fast best love happy satisfied recommend bad \
         terrible awful horrible poor worst hate waste disappoint disappointed slow rude quality",
    ),
    ("order", "order purchase buy bought"),
    ("password", "password passcode passphrase pass pin access_key access_code"),
    ("payment", "pay payment"),
    (
        "personal",
        "personal detail details data personal_information personal_info user_information user_info",
    ),
    ("policy", "policy term condition rule guideline"),
    ("problem", "problem issue trouble error difficulty fault bug failure fail failed mistake"),
    ("recover", "recover recovery reset restore retrieve regain"),
    ("refund", "refund reimburse reimbursement rebate restitution compensation money_back return_money"),
    ("register", "register registration sign_up signup signing_up enroll enrol enrollment join"),
    ("remove", "remove delete deletion erase close deactivate eliminate"),
    ("review", "review feedback opinion rating rate comment testimonial evaluation"),
    ("ship", "ship shipment shipping deliver delivery dispatch parcel package courier"),
    ("subscribe", "subscribe subscription unsubscribe sign_up_to sign_up_for"),
    ("support", "support customer_service customer_support customer_assistance customer_care helpdesk"),
    ("track", "track trace status whereabouts locate progress where_is where_my follow"),
    ("time", "when how_long how_soon time period date duration hour hours day schedule"),
    ("switch", "switch swap change_to change_between use_another different another"),
];

const CARRIERS: &str = "help helping helped assist assistance aid want need like know knowing tell explain inform information info \
    possible able try trying make making made take give provide show looking wish question ask asking wonder wondering learn \
    understand more several few lot way thing something anything happen say proceed do steps procedure instruction \
    damn bloody fucking goddamn freaking hell";

const FUNCTION: &str = "a an the much many id youd theyre still yet already anymore currently now this that these those there here it its i im ive id me my mine we us our you your u ur ya he \
    she they them their his her who whom what whats which how why where do does did done doing dont doesnt didnt am is are \
    was were be been being isnt arent will would wouldnt shall should shouldnt can cant cannot could couldnt may might must \
    have has had havent having to of for on in at by with from about into onto and or but if so as than then not no nor \
    just also too very really please pls plz thanks thank hi hello hey ok okay yes up out off any some all every each one \
    ones been get got gotta wanna gonna lets let";

const SPECIFIC: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty fifty \
    hundred thousand first second third last next previous recent latest ago week month year today yesterday tomorrow tonight \
    morning afternoon evening night january february march april june july august september october november december \
    monday tuesday wednesday thursday friday saturday sunday half dozen couple";

/// Everyday words that are no slips of the pen for one of the words above.
const COMMON: &str = "able above across after again against age ago air all along already also always among amount another answer \
    anyone apart appear area argue arm around arrive arts asleep auto away baby back bad bag bake ball band bank base bath beach bear \
    beat beautiful because become bed before began begin behind believe below beside between beyond bike bill bird birthday black \
    blood blue board boat body book born both bottle bottom bought bowl box boy brain brand bread break breakfast bring broken \
    brother brown build building built burn bus business busy button cake call came camera camp capital car card care carry case \
    catch cause cell center central century certain chair chance chapter child children chicken choose church circle city class \
    clean clear climb clock close clothes cloud club coach coffee cold color come common company compare complete computer \
    concern condition consider contain content control cook cool corner country count course court cover cream create cross \
    crowd culture current customer cut daily dance danger dark daughter dead deal dear death decide deep degree depend describe \
    desert design desk develop device die dinner direct direction dirty discover discuss disease doctor dog door double doubt draw \
    dream dress drink drive drop during dust duty each ear early earn earth east easy eat edge education effect egg either else \
    empty end energy engine english enjoy enough enter entire equal escape especially event ever every exact exam example except \
    exercise expect experience explain eye face fact fall family famous far farm father favorite fear feed feel feet field fight \
    figure file fill film final find fine finger finish fire fish fit flat flight floor flow flower fly focus follow food foot \
    football force foreign forest forever form forward found free fresh friend front fruit fuel full fun funny future game garden \
    gate general gift girl glass goal gold gone government grade grass gray green ground group grow guess guide guitar hair hall \
    hand hang happen hard head health hear heard heart heat heavy height held hello herself hide high hill himself history hit hold \
    hole holiday home honest hope horse hospital hot hotel house however huge human hungry hurt husband idea image important \
    increase indeed inside interest internet island itself job join joke jump keep kept key kid kill kind king kitchen knew knife \
    lady lake land language large late laugh laundry law lead leaf learn least leave left leg lemon less lesson letter level \
    library lie life light line list listen little live local lock lonely long look loud low luck lunch machine mail main major \
    manage manager market marry master match math matter maybe meal mean measure meat medicine meet meeting member memory mention \
    menu middle mile milk mind minute mirror miss modern moment money moon mother mountain mouth move movie much music myself \
    name nation nature near necessary neck need neighbor nerve never news nobody noise none north nose note nothing notice \
    number object ocean offer office often oil old once online only onto opinion orange other outside over own page pain paint \
    pair paper parent park part party pass past path patient pattern peace pen people pepper perhaps person phone photo piano \
    pick picture piece place plan plane plant plate play player point police poor popular position possible potato pound power \
    practice prepare present president press pretty price prince print private probably process produce program promise proper \
    protect prove public pull purpose push put quality quarter queen quick quiet quite race radio rain raise rather reach read ready \
    real reason record red region regular relate release remain repeat report represent require rest restaurant result return rich \
    ride right ring rise river road rock role roll roof room root rose round rule run safe said sail salt same sand save scale scene \
    school science score sea search season seat second secret section seed seem sell send sense sentence separate serious serve \
    service seven several shade shape share sharp sheet shine shirt shoe shoot shop short shout side sight sign silver similar \
    simple since sing single sister sit size skill skin sky sleep slip smart smell smile smoke snow social soft soil soldier \
    solution solve someone something sometimes song soon sort sound soup south space speak special speed spell spend sport spot \
    spread spring square stand standard star start state station stay steal step stick still stone stood stop store storm story \
    straight strange stream street strong student study stuff style subject such sudden sugar suggest suit summer sun sure surface \
    surprise sweet swim system table tail taken talk tall taste teach teacher team teeth telephone television tell ten term test \
    text their themselves theory there these thick thin think third though thought threw through throw thus ticket tie till time \
    tiny tire together tomorrow tone tonight took tool tooth touch toward town toy trade train travel tree trip truck true trust \
    truth turn type under understand unit until upon usual value various very video view village visit voice vote wait walk wall war \
    warm wash watch water wave wear weather website week weight welcome went west wheel where whether which while white whole whose \
    why wide wife wild wind window wine wing winter wire wise wish within without woman wonder wood word work worker world worry \
    worth write writing written wrong wrote yard year yellow yesterday yet young yourself zero";
