//! What the matcher of FAQs promises, seen from outside.
#![cfg(test)]

use domain::{
    FaqId,
    faq::{Confidence, Decision, Faq, Matcher, Template, asks_for_human, mentions, seeds, text::normalize},
};
use proptest::prelude::*;

fn faq(id: &str, question: &str, alternatives: &[&str], keywords: &[&str]) -> Faq {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Faq {
        id: FaqId::new(format!("faq_{id}")).unwrap(),
        question: question.to_owned(),
        alternatives: owned(alternatives),
        keywords: owned(keywords),
        threshold: Confidence::DEFAULT_THRESHOLD,
        is_active: true,
    }
}

fn seeded() -> Matcher {
    Matcher::new(&seeds::faqs().map(seeds::SeedFaq::faq).collect::<Vec<_>>())
}

/// `en track_order`, or what else is done.
fn answer(matcher: &Matcher, text: &str) -> String {
    let is = |id: &FaqId| seeds::faqs().find(|seed| seed.id() == *id);
    match matcher.answer(text).decision {
        Decision::Human => "human".into(),
        Decision::Answer(id) => is(&id).map(|seed| format!("{} {}", seed.language, seed.topic)).unwrap(),
        Decision::Suggest(ids) => format!("{} suggested", ids.len()),
    }
}

/// The messages that are not answered as they should be.
fn wrong(language: &str, messages: &[(&str, &str)]) -> Vec<String> {
    let matcher = seeded();
    let wrong = messages.iter().filter_map(|(topic, text)| {
        let given = answer(&matcher, text);
        (given != format!("{language} {topic}")).then(|| format!("{text}: {given}, not {topic}"))
    });
    wrong.collect()
}

#[test]
fn seeds_answer_what_english_shoppers_write() {
    let messages = [
        ("track_order", "where's my order??"),
        ("track_order", "hi, I'd like to know where my parcell is please"),
        ("track_order", "can you track my oder 12345"),
        ("stock", "is the blue lamp in stock"),
        ("stock", "do you still have this avalable?"),
        ("opening_hours", "what are your openning hours"),
        ("returns", "i want to retrun these shoes"),
        ("refund", "when do I get my money back"),
        ("refund", "I need a refnud"),
        ("shipping_cost", "how much does shiping cost to norway"),
        ("shipping_time", "how many days does delivery take"),
        ("payment_methods", "can i pay with credit card"),
        ("payment_problem", "my card was declined"),
        ("cancel_order", "please cancle my order"),
        ("cancel_order", "i dont want my order anymore"),
        ("change_address", "i need to change the adress of my delivery"),
        ("invoice", "could you send me the recipt"),
        ("damaged_item", "the vase arrived broken"),
        ("account", "forgot my pasword"),
        ("contact", "do you have a phone number"),
    ];
    assert_eq!(wrong("en", &messages), [""; 0]);
}

#[test]
fn seeds_answer_what_thai_shoppers_write() {
    let messages = [
        ("track_order", "ออเดอร์อยู่ไหนคะ"),
        ("track_order", "ของที่สั่งถึงไหนแล้วครับ"),
        ("track_order", "เช็คสถานะออเดอร 12345 หน่อย"),
        ("track_order", "ของยังไม่มาเลยค่ะ สั่งไปอาทิตย์ที่แล้ว"),
        ("stock", "รุ่นนี้มีของไหมคะ"),
        ("opening_hours", "วันนี้ร้านเปิดกี่โมงคะ"),
        ("returns", "อยากคืนสินค้าต้องทำยังไง"),
        ("refund", "จะได้เงินคืนตอนไหนคะ"),
        ("shipping_cost", "คาส่งเท่าไรครับ"),
        ("shipping_time", "สั่งแล้วกี่วันถึง"),
        ("payment_methods", "รับบัตรเครดิตมั้ยคะ"),
        ("cancel_order", "ขอยกเลิกออเดอร์หน่อยค่ะ"),
        ("change_address", "ขอเปลี่ยนที่อยู่หน่อยครับ"),
        ("invoice", "ขอใบกำกับภาษีด้วยค่ะ"),
        ("damaged_item", "สินค้าที่ได้รับชำรุด"),
        ("contact", "ขอเบอร์โทรหน่อยค่ะ"),
    ];
    assert_eq!(wrong("th", &messages), [""; 0]);
}

#[test]
fn seeds_answer_what_persian_shoppers_write() {
    let messages = [
        ("track_order", "سفارشم كجاست"),
        ("track_order", "میخوام سفارشمو پیگیری کنم"),
        ("track_order", "وضعيت سفارش ۱۲۳۴۵"),
        ("track_order", "سلام بسته ام نیومده هنوز"),
        ("stock", "این محصول موجوده؟"),
        ("opening_hours", "ساعت کاری فروشگاه"),
        ("returns", "می خواهم این کالا را مرجوع کنم"),
        ("refund", "پولم کی برمیگرده"),
        ("shipping_cost", "هزينه ارسال چقدره"),
        ("shipping_time", "ارسال چند روز طول میکشه"),
        ("payment_methods", "پرداخت در محل هم دارید؟"),
        ("cancel_order", "سفارشم رو کنسل کنید لطفا"),
        ("change_address", "آدرسم رو اشتباه زدم میخوام تغییر بدم"),
        ("invoice", "فاکتور خریدم رو میخوام"),
        ("damaged_item", "جنس شکسته بود"),
        ("contact", "شماره تلفن فروشگاه"),
    ];
    assert_eq!(wrong("fa", &messages), [""; 0]);
}

#[test]
fn what_has_nothing_to_do_with_the_shop_is_not_answered() {
    let matcher = seeded();
    let messages = [
        "what is the capital of france",
        "tell me a joke",
        "how tall is mount everest",
        "hello",
        "thank you very much",
        "who won the game last night",
        "พรุ่งนี้ฝนจะตกไหม",
        "เล่าเรื่องตลกให้ฟังหน่อย",
        "สอบถามหน่อยค่ะ",
        "پایتخت فرانسه کجاست",
        "یک لطیفه بگو",
        "🙏🙏🙏",
        "12345",
        "",
    ];
    let answered =
        messages.into_iter().filter(|text| matches!(matcher.answer(text).decision, Decision::Answer(_)));
    assert_eq!(answered.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn languages_without_a_table_are_matched_by_what_the_shop_wrote() {
    let faqs = [
        faq("de", "Wie lange dauert die Lieferung?", &["Wann kommt mein Paket an?"], &[]),
        faq("de2", "Kann ich meine Bestellung stornieren?", &["Ich möchte stornieren"], &[]),
        faq("es", "¿Cuánto cuesta el envío?", &["gastos de envío"], &[]),
        faq("zh", "怎么申请退款?", &["我想退款"], &[]),
        faq("zh2", "什么时候发货?", &["快递多久到"], &[]),
        faq("ru", "Где мой заказ?", &["Как отследить заказ?"], &[]),
    ];
    let matcher = Matcher::new(&faqs);
    let cases = [
        ("de", "wie lang dauert eine lieferung"),
        ("de2", "bitte meine Bestelung stornieren"),
        ("es", "cuanto cuesta un envio"),
        ("zh", "怎么退款"),
        ("zh2", "什么时候能发货"),
        ("ru", "где мои заказы"),
    ];
    for (id, text) in cases {
        let decision = matcher.answer(text).decision;
        assert_eq!(decision, Decision::Answer(FaqId::new(format!("faq_{id}")).unwrap()), "{text}");
    }
}

#[test]
fn whoever_asks_for_a_human_gets_no_answer_however_well_one_fits() {
    let matcher = seeded();
    for text in
        ["talk to a human about my refund", "ขอคุยกับแอดมินเรื่องคืนเงิน", "برای بازپرداخت با اپراتور صحبت کنم"]
    {
        assert_eq!(matcher.answer(text).decision, Decision::Human, "{text}");
    }
}

#[test]
fn every_seed_can_be_saved_and_has_a_name_of_its_own() {
    let mut keys: Vec<String> = seeds::faqs().map(seeds::SeedFaq::key).collect();
    keys.extend(seeds::responses().map(seeds::SeedResponse::key));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert!(keys.contains(&"seed_th_track_order".to_owned()));
    for seed in seeds::faqs() {
        assert_eq!(FaqId::new(seed.id().as_str()), Ok(seed.id()));
        assert!(seed.alternatives.len() >= 4 && !seed.keywords.is_empty(), "{}", seed.key());
        seed.answer.parse::<Template>().unwrap();
    }
    for response in seeds::responses() {
        response.text.parse::<Template>().unwrap();
    }
    for language in seeds::LANGUAGES {
        let topics = seeds::faqs().filter(|seed| seed.language == language);
        assert!(
            topics.count() >= 12 && seeds::responses().filter(|seed| seed.language == language).count() >= 4
        );
    }
}

#[test]
fn two_entries_that_fit_as_well_are_suggested_and_none_is_answered() {
    let faqs = [
        faq("a", "How do I cancel an order?", &[], &[]),
        faq("b", "How do I cancel a subscription?", &[], &[]),
        faq("c", "Where is the shop?", &[], &[]),
    ];
    let ids: Vec<FaqId> = faqs.iter().map(|faq| faq.id.clone()).collect();
    let matched = Matcher::new(&faqs).answer("how do I cancel");
    assert_eq!(matched.decision, Decision::Suggest(ids[..2].to_vec()));
}

#[test]
fn an_entry_is_answered_from_its_own_threshold_on() {
    let mut faqs =
        [faq("a", "Do you deliver to Norway?", &[], &[]), faq("b", "Do you sell lamps?", &[], &[])];
    let ask = |faqs: &[Faq]| Matcher::new(faqs).answer("can a parcel reach norway");
    let sure = ask(&faqs).candidates[0].confidence.percent();
    faqs[0].threshold = Confidence::new(sure).unwrap();
    assert_eq!(ask(&faqs).decision, Decision::Answer(faqs[0].id.clone()));
    faqs[0].threshold = Confidence::new(sure + 1).unwrap();
    assert_eq!(ask(&faqs).decision, Decision::Suggest(vec![faqs[0].id.clone()]));
}

#[test]
fn a_keyword_speaks_for_its_entry() {
    let without = [faq("a", "Can I have it wrapped?", &[], &[]), faq("b", "Do you sell lamps?", &[], &[])];
    let with = [faq("a", "Can I have it wrapped?", &[], &["gift"]), without[1].clone()];
    let sure = |faqs: &[Faq]| {
        let candidates = Matcher::new(faqs).rank("it is a gift");
        candidates.first().map_or(0, |candidate| candidate.confidence.percent())
    };
    assert!(sure(&with) >= 70 && sure(&without) < 20, "{} {}", sure(&with), sure(&without));
    let why = &Matcher::new(&with).rank("it is a gift")[0].why;
    assert_eq!(why.keywords, ["gift"]);
}

#[test]
fn the_dry_run_says_why() {
    let faqs = [
        faq("a", "How do I cancel my order?", &["I no longer want my purchase"], &["cancel"]),
        faq("b", "Where is my order?", &[], &[]),
    ];
    let candidates = Matcher::new(&faqs).rank("please cancle the order of my dinosaur");
    let why = &candidates[0].why;
    assert_eq!(why.nearest, "How do I cancel my order?");
    assert_eq!(why.words[0].what, "cancle");
    let pair = |told: &[domain::faq::Contribution]| told.iter().any(|told| told.what == "cancle + order");
    assert!(pair(&why.words) && pair(&why.learned), "{why:?}");
    assert_eq!((why.typos[0].written.as_str(), why.typos[0].read.as_str()), ("cancle", "cancel"));
    assert_eq!(why.keywords, ["cancel"]);
    assert_eq!(why.unknown, ["dinosaur"]);
}

#[test]
fn a_response_is_given_on_its_word_and_not_on_a_part_of_another() {
    let keywords = ["promo code", "discount"];
    assert_eq!(mentions("do you have any DISCOUNTS?", &keywords), Some("discount"));
    assert_eq!(mentions("a promo  code, please", &keywords), Some("promo code"));
    assert_eq!(mentions("the code of the promo", &keywords), None);
    assert_eq!(mentions("a discounter", &["count"]), None);
    assert_eq!(mentions("มีส่วนลดไหมคะ", &["ส่วนลด"]), Some("ส่วนลด"));
    assert_eq!(mentions("ขอบคุณมากค่ะ", &["ขอบคุณ"]), Some("ขอบคุณ"));
}

#[test]
fn a_message_far_too_long_is_no_trouble() {
    let matcher = seeded();
    for piece in ["refund ", "ก", "\u{301}", "qwertyuiop ", "می‌", "\0"] {
        matcher.answer(&piece.repeat(131_072 / piece.len()));
    }
}

fn some_faqs() -> impl Strategy<Value = Vec<Faq>> {
    let text = || "[a-e ]{0,12}|(order|refund|cancel|ship|lamp| ){0,5}|\\PC{0,8}|[ก-ฮ]{0,9}|[ا-ی ]{0,9}";
    let texts = || proptest::collection::vec(text(), 0..3);
    let entry = (text(), texts(), texts(), any::<bool>(), 0..=100u8);
    proptest::collection::vec(entry, 0..6).prop_map(|entries| {
        let faqs = entries.into_iter().enumerate().map(
            |(id, (question, alternatives, keywords, is_active, percent))| Faq {
                id: FaqId::new(format!("faq_{id}")).unwrap(),
                question,
                alternatives,
                keywords,
                threshold: Confidence::new(percent).unwrap(),
                is_active,
            },
        );
        faqs.collect()
    })
}

proptest! {
    #[test]
    fn normal_text_is_normal(text in any::<String>()) {
        let once = normalize(&text);
        prop_assert_eq!(normalize(&once), once);
    }

    #[test]
    fn whatever_is_asked_of_whichever_faqs(faqs in some_faqs(), text in "(order|refund|lamp|[a-e]| ){0,8}|[ก-ฮ]{0,9}|\\PC*") {
        let matcher = Matcher::new(&faqs);
        let matched = matcher.answer(&text);
        let mut other_order = faqs.clone();
        other_order.reverse();
        prop_assert_eq!(&Matcher::new(&other_order).answer(&text), &matched, "the same whatever the order");
        prop_assert_eq!(&matcher.answer(&text), &matched, "the same every time");
        let is_active = |id: &FaqId| faqs.iter().any(|faq| faq.id == *id && faq.is_active);
        prop_assert!(matched.candidates.iter().all(|candidate| is_active(&candidate.faq)));
        prop_assert!(matched.candidates.iter().all(|candidate| candidate.confidence.percent() <= 100));
        prop_assert!(matched.candidates.is_sorted_by(|one, other| one.confidence >= other.confidence));
        match matched.decision {
            Decision::Human => prop_assert!(asks_for_human(&text)),
            Decision::Answer(id) => prop_assert_eq!(&id, &matched.candidates[0].faq),
            Decision::Suggest(ids) => prop_assert!(ids.len() <= 3),
        }
    }
}
