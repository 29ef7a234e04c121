//! The pages that links in mails open. They say what would be done and have one button, or why there is none.

use domain::notification::{Category, template};
use minijinja::HtmlEscape;

use super::{Notifications, links::Link};
use crate::{Error, Result};

/// What a page says before, on its button, and after.
struct Said {
    before: &'static str,
    button: &'static str,
    after: &'static str,
}

impl Notifications {
    /// The page that says what a link would do.
    pub async fn show_link(&self, link: &Link) -> Result<String> {
        let (language, said) = self.said_of(link).await?;
        let form = format!(
            "<p>{}</p><form method=\"post\"><button type=\"submit\">{}</button></form>",
            said.before, said.button
        );
        Ok(self.page(language, &form))
    }

    /// Does what a link says, and the page that says so.
    pub async fn follow_and_show(&self, link: &Link) -> Result<String> {
        self.follow_link(link).await?;
        let (language, said) = self.said_of(link).await?;
        Ok(self.page(language, &format!("<p role=\"status\">{}</p>", said.after)))
    }

    async fn said_of(&self, link: &Link) -> Result<(&'static str, Said)> {
        let user = match link {
            Link::Unsubscribe { user, .. }
            | Link::ConfirmAddress { user, .. }
            | Link::ConfirmAlert { user, .. } => user,
            Link::Report { .. } => return Err(Error::Unauthenticated),
        };
        let known = self.store.recipient(link.shop(), user, self.clock.now()).await?;
        let locale = known.person.locale.unwrap_or_default();
        let language = template::language(&locale);
        Ok((language, said(link, language)))
    }

    fn page(&self, language: &str, content: &str) -> String {
        page(&self.settings.shop_name, language, content)
    }
}

/// Why a link does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadEnd {
    /// It is not whole, too old, or none of ours.
    NoLink,
    /// It may work later.
    NotNow,
}

/// The page that says why a link does nothing, in the first of `languages` (`Accept-Language`): whose link it is, nobody
/// knows.
pub fn dead_end(shop_name: &str, languages: &str, why: DeadEnd) -> String {
    let first = languages.split([',', ';']).next().unwrap_or_default();
    let language = template::language(first.trim());
    let text = match (why, language) {
        (DeadEnd::NoLink, "th") => "ลิงก์นี้ใช้ไม่ได้ อาจไม่ครบถ้วนหรือหมดอายุแล้ว",
        (DeadEnd::NoLink, "fa") => "این پیوند کار نمی‌کند؛ شاید ناقص باشد یا مهلت آن گذشته باشد.",
        (DeadEnd::NoLink, _) => "This link does not work. It may be incomplete, or too old.",
        (DeadEnd::NotNow, "th") => "ขณะนี้ดำเนินการไม่ได้ โปรดลองอีกครั้งในภายหลัง",
        (DeadEnd::NotNow, "fa") => "اکنون ممکن نیست. لطفاً کمی بعد دوباره امتحان کنید.",
        (DeadEnd::NotNow, _) => "This is not possible right now. Please try again in a while.",
    };
    page(shop_name, language, &format!("<p role=\"alert\">{text}</p>"))
}

fn page(shop_name: &str, language: &str, content: &str) -> String {
    let direction = if language == "fa" { "rtl" } else { "ltr" };
    let name = HtmlEscape(shop_name);
    format!(
        "<!doctype html><html lang=\"{language}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{name}</title><style>{STYLE}</style></head><body><main><h1>{name}</h1>{content}</main></body></html>"
    )
}

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;margin:0;display:grid;min-height:100vh;place-items:center;\
    background:#f4f4f2;color:#1d1d1b}main{background:#fff;padding:2rem;max-width:28rem;border-radius:.75rem}\
    h1{font-size:1.25rem;margin:0 0 1rem}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.5rem;\
    background:#1d1d1b;color:#fff;cursor:pointer}";

fn said(link: &Link, language: &str) -> Said {
    let advertises = matches!(link, Link::Unsubscribe { category: Category::Marketing, .. });
    match (link, language) {
        (Link::Unsubscribe { .. }, "th") => Said {
            before: "ต้องการหยุดรับอีเมลประเภทนี้หรือไม่",
            button: "หยุดรับอีเมล",
            after: "เรียบร้อยแล้ว คุณจะไม่ได้รับอีเมลประเภทนี้อีก",
        },
        (Link::Unsubscribe { .. }, "fa") => Said {
            before: "می‌خواهید دیگر از این نوع ایمیل دریافت نکنید؟",
            button: "لغو اشتراک",
            after: "انجام شد. دیگر از این نوع ایمیل دریافت نخواهید کرد.",
        },
        (Link::Unsubscribe { .. }, _) if advertises => Said {
            before: "Do you want no more offers and promotions from us?",
            button: "Unsubscribe",
            after: "Done. You will get no more offers and promotions from us.",
        },
        (Link::Unsubscribe { .. }, _) => Said {
            before: "Do you want no more mail of this kind from us?",
            button: "Unsubscribe",
            after: "Done. You will get no more mail of this kind from us.",
        },
        (_, "th") => {
            Said {
                before: "ยืนยันว่าที่อยู่อีเมลนี้เป็นของคุณหรือไม่", button: "ยืนยัน", after: "ยืนยันเรียบร้อยแล้ว ขอบคุณ"
            }
        }
        (_, "fa") => Said {
            before: "آیا این نشانی ایمیل از آنِ شماست؟",
            button: "تأیید",
            after: "تأیید شد. سپاسگزاریم.",
        },
        _ => Said {
            before: "Is this your address, and do you want mail from us here?",
            button: "Confirm",
            after: "Confirmed. Thank you.",
        },
    }
}
