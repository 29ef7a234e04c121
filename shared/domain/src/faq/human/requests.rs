//! How people ask for a human, language by language. An underscore stands between the words of a phrase.

/// A language whose words have spaces between them.
pub struct Spaced {
    /// What is done with a human: close to a person they are a request.
    pub acts: &'static str,
    /// What is wanted: a request with a person of `people`, but not with a helper.
    pub wishes: &'static str,
    /// Who is asked for.
    pub people: &'static str,
    /// Who is asked for if an act says so, and mentioned otherwise.
    pub helpers: &'static str,
    /// What may stand beside a person in a message that says nothing else, or follow it.
    pub idle: &'static str,
    /// That it is not wanted, or was done already.
    pub refusals: &'static str,
    /// Before a person: another kind of person.
    pub spoilers_before: &'static str,
    /// After a person: no person at all.
    pub spoilers_after: &'static str,
    /// Whether the act may come after the person.
    pub is_act_last: bool,
    /// Whether the refusal may.
    pub are_refusals_last: bool,
}

impl Spaced {
    /// All words, so that none is taken for a slip from another.
    pub fn all(&self) -> [&'static str; 8] {
        let Self {
            acts,
            wishes,
            people,
            helpers,
            idle,
            refusals,
            spoilers_before,
            spoilers_after,
            is_act_last: _,
            are_refusals_last: _,
        } = self;
        [acts, wishes, people, helpers, idle, refusals, spoilers_before, spoilers_after]
    }
}

/// Languages whose words have none.
pub struct Runs {
    /// As above.
    pub acts: &'static str,
    /// As above.
    pub people: &'static str,
    /// As above.
    pub idle: &'static str,
    /// As above.
    pub refusals: &'static str,
    /// After a person: another kind of person.
    pub spoilers: &'static str,
}

/// English, Persian, Spanish, French, German, Portuguese, Arabic, Turkish.
pub const SPACED: &[Spaced] = &[ENGLISH, PERSIAN, SPANISH, FRENCH, GERMAN, PORTUGUESE, ARABIC, TURKISH];

const ENGLISH: Spaced = Spaced {
    acts: "talk talking speak speaking chat chatting connect transfer escalate forward redirect conversation",
    wishes: "want need get give wanna gimme like prefer contact contacting reach call pass put have",
    people: "human humans person agent agents representative representatives rep operator advisor adviser",
    helpers: "someone somebody anyone anybody people staff employee manager supervisor support service assistant \
        assistance team colleague",
    idle: "a an the to with please pls plz now real live actual human person being customer service support some any \
        another your me my for i im just only here there right hi hello hey ok thanks thank you and or can could would \
        id is who that this instead at about because so fucking bloody damn goddamn freaking free available urgent asap",
    refusals: "dont_want do_not_want dont_need do_not_need no_need not_need dont_connect dont_transfer not_talk not_speak \
        never_want am_i_talking am_i_speaking am_i_chatting are_you i_was_talking i_was_speaking was_talking was_speaking \
        without_talking without_speaking instead_of_talking talked spoke chatted",
    spoilers_before: "delivery sales travel estate cleaning cleansing washing third insurance secret shipping per another \
        other sick old young disabled bleaching reducing same nice every each dead letting delivering",
    spoilers_after: "error errors resources rights hair body skeleton skull anatomy orange smith bag price prices size \
        sized costume fee fees name number reduction",
    is_act_last: true,
    are_refusals_last: false,
};

const PERSIAN: Spaced = Spaced {
    acts: "صحبت حرف گفتگو گفت وصل وصلم تماس چت ارتباط",
    wishes: "میخواهم میخوام میخوایم خواهم لازم نیاز بدهید",
    people: "اپراتور اپراتوری پشتیبان پشتیبانی کارشناس کارشناسی انسان",
    helpers: "آدم ادم آدمی شخص شخصی نفر کسی همکار همکارتان مسئول مدیر",
    idle: "لطفا با یک یه را رو به می خواهم میخواهم میخوام واقعی انسانی زنده آنلاین سلام من از که تا در مشتریان ممنون",
    refusals: "نمیخواهم نمیخوام نمی_خواهم نمی_خوام صحبت_کردم حرف_زدم تماس_گرفتم",
    spoilers_before: "",
    spoilers_after: "خطای",
    is_act_last: true,
    are_refusals_last: true,
};

const SPANISH: Spaced = Spaced {
    acts: "hablar hablo comunicarme comunicar conversar chatear conectar conectame conecteme transferir pasame paseme pasar",
    wishes: "quiero necesito deseo dame deme quisiera",
    people: "humano humana persona agente operador operadora asesor asesora representante",
    helpers: "alguien empleado empleada encargado encargada gerente soporte servicio",
    idle: "un una el la con por favor porfavor real de verdad ya ahora a me hola gracias para que viva vivo",
    refusals: "no_quiero no_necesito no_deseo sin_hablar hable_con",
    spoilers_before: "cada otra misma",
    spoilers_after: "mayor menor",
    is_act_last: false,
    are_refusals_last: false,
};

const FRENCH: Spaced = Spaced {
    acts: "parler discuter contacter joindre echanger transferer transferez passer passez connecter appeler",
    wishes: "veux voudrais besoin souhaite souhaiterais donnez aimerais",
    people: "humain humaine conseiller conseillere operateur operatrice agent representant",
    helpers: "quelqu personne quelquun employe employee responsable vendeur vendeuse client",
    idle: "un une le la a avec s il sil vous te plait svp vrai vraie reel de du service bonjour merci pour en ligne",
    refusals: "ne_veux_pas veux_pas ne_souhaite_pas pas_besoin sans_parler ai_parle",
    spoilers_before: "meme autre chaque par",
    spoilers_after: "agee",
    is_act_last: false,
    are_refusals_last: false,
};

const GERMAN: Spaced = Spaced {
    acts: "sprechen reden chatten verbinden weiterleiten telefonieren unterhalten anrufen durchstellen",
    wishes: "will mochte brauche wunsche hatte",
    people: "mensch menschen mitarbeiter mitarbeiterin berater beraterin kundenberater agent operator",
    helpers: "jemand jemanden jemandem person kundenservice kundendienst support personal",
    idle: "bitte ein eine einen einem einer echt echte echten echter mit der die den dem ich hallo danke richtigen jetzt \
        realen zu um",
    refusals: "nicht_mit keinen_menschen keinen_mitarbeiter nicht_sprechen ohne_mit gesprochen",
    spoilers_before: "viele andere jeder",
    spoilers_after: "rechte",
    is_act_last: true,
    are_refusals_last: true,
};

const PORTUGUESE: Spaced = Spaced {
    acts: "falar conversar contatar contactar transferir conectar ligar passar",
    wishes: "quero preciso queria gostaria desejo",
    people: "humano humana pessoa atendente operador operadora agente representante",
    helpers: "alguem funcionario funcionaria gerente suporte atendimento",
    idle: "um uma o a com por favor real de verdade agora ola oi obrigado obrigada para que",
    refusals: "nao_quero nao_preciso sem_falar falei_com",
    spoilers_before: "cada outra mesma por",
    spoilers_after: "",
    is_act_last: false,
    are_refusals_last: false,
};

const ARABIC: Spaced = Spaced {
    acts: "التحدث اتحدث أتحدث تحدث التكلم اتكلم أتكلم التواصل اتواصل أتواصل تحويلي حولني احكي أحكي الكلام اكلم أكلم",
    wishes: "أريد اريد أحتاج احتاج عايز بدي ابغى",
    people: "موظف موظفة إنسان انسان وكيل مندوب ممثل بشري",
    helpers: "شخص أحد احد مسؤول الدعم خدمة",
    idle: "مع من إلى الى فضلك لو سمحت حقيقي خدمة العملاء ل أن ان الآن",
    refusals: "لا_أريد لا_اريد لا_أحتاج لا_احتاج مش_عايز ما_بدي تحدثت_مع",
    spoilers_before: "",
    spoilers_after: "",
    is_act_last: false,
    are_refusals_last: false,
};

const TURKISH: Spaced = Spaced {
    acts: "konusmak konusabilir baglanmak baglanabilir bagla baglayin gorusmek gorusebilir konusayim aktarin yazismak",
    wishes: "istiyorum lazim gerek isterim",
    people: "insan insanla insana temsilci temsilciye temsilciyle temsilcisi temsilcisine temsilcisiyle operator operatore yetkili \
        yetkiliye yetkiliyle",
    helpers: "biri birine biriyle kisi kisiyle gorevli gorevliye calisan",
    idle: "bir gercek musteri lutfen ile bana canli hemen merhaba hizmetleri",
    refusals: "istemiyorum gerek_yok konustum gorustum",
    spoilers_before: "",
    spoilers_after: "",
    is_act_last: true,
    are_refusals_last: true,
};

/// Thai.
pub const RUNS: Runs = Runs {
    acts: "คุยกับ คุย พูดกับ พูดคุย สนทนา ติดต่อ ขอสาย โอนสาย โอนให้ ปรึกษา เรียก ขอพบ แชทกับ แชตกับ ต่อสาย",
    people: "เจ้าหน้าที่ พนักงาน แอดมิน คนจริง มนุษย์ โอเปอเรเตอร์ ตัวแทน ฝ่ายบริการลูกค้า กับคน",
    idle: "ครับ คับ ค่ะ คะ นะ หน่อย ขอ ด้วย ที ช่วย รบกวน ต้องการ อยากได้ ๆ สวัสดี",
    refusals: "ไม่อยากคุย ไม่ต้องการคุย ไม่ต้องคุย ไม่อยากติดต่อ ไม่ต้องการติดต่อ ไม่ต้องโอน คุยกับเจ้าหน้าที่แล้ว ติดต่อเจ้าหน้าที่แล้ว",
    spoilers: "ส่ง ขาย จัดส่ง ขนส่ง อื่น",
};
