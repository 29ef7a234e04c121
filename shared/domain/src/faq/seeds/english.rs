//! In English.

use super::{SeedFaq, SeedResponse, SeedTrigger};

const EN: &str = "en";

/// What shoppers ask.
pub const FAQS: &[SeedFaq] = &[
    SeedFaq {
        topic: "track_order",
        language: EN,
        question: "Where is my order?",
        alternatives: &[
            "I want to track my order",
            "What is the status of my order?",
            "My parcel has not arrived yet",
            "When will my package arrive?",
            "Has my order been shipped?",
            "tracking number of my parcel",
        ],
        keywords: &["track", "tracking", "order status"],
        answer: "{order_status}",
    },
    SeedFaq {
        topic: "stock",
        language: EN,
        question: "Is this product in stock?",
        alternatives: &[
            "Do you have this item available?",
            "Is it still available?",
            "When will it be back in stock?",
            "Is it sold out?",
            "How many are left?",
            "check availability of a product",
        ],
        keywords: &["in stock", "out of stock", "sold out", "availability"],
        answer: "{stock}",
    },
    SeedFaq {
        topic: "opening_hours",
        language: EN,
        question: "When are you open?",
        alternatives: &[
            "What are your opening hours?",
            "Are you open on Sunday?",
            "What time do you close?",
            "business hours of the shop",
            "From when to when is somebody there?",
        ],
        keywords: &["opening hours", "business hours"],
        answer: "{opening_hours}",
    },
    SeedFaq {
        topic: "returns",
        language: EN,
        question: "How do I return an item?",
        alternatives: &[
            "I want to send something back",
            "What is your return policy?",
            "Can I exchange it for another size?",
            "The product does not fit, I want to return it",
            "How long do I have to return a product?",
        ],
        keywords: &["return", "returns", "exchange"],
        answer: "You can send back what you do not want. Tell us the order and the item here, and we tell you where to send \
            it and until when.",
    },
    SeedFaq {
        topic: "refund",
        language: EN,
        question: "How do I get a refund?",
        alternatives: &[
            "I want my money back",
            "When will I get my refund?",
            "Has my refund been paid?",
            "How long does a refund take?",
            "I have not received my refund",
        ],
        keywords: &["refund", "money back"],
        answer: "Refunds go back the way you paid. Once we have sent one, most banks need five to ten working days to show \
            it.",
    },
    SeedFaq {
        topic: "shipping_cost",
        language: EN,
        question: "How much is shipping?",
        alternatives: &[
            "What does delivery cost?",
            "Is delivery free?",
            "Do you offer free shipping?",
            "shipping fees",
            "delivery charges",
        ],
        keywords: &["shipping cost", "free shipping", "delivery fee"],
        answer: "The price of delivery depends on the address and the weight. The checkout shows it before you pay.",
    },
    SeedFaq {
        topic: "shipping_time",
        language: EN,
        question: "How long does delivery take?",
        alternatives: &[
            "How many days does shipping take?",
            "When would I receive it if I order today?",
            "What is the delivery time?",
            "How fast do you ship?",
            "Do you offer express delivery?",
        ],
        keywords: &["delivery time", "express delivery"],
        answer: "How long delivery takes depends on the address. The checkout shows the date for yours, and you get a message \
            when your parcel leaves.",
    },
    SeedFaq {
        topic: "payment_methods",
        language: EN,
        question: "How can I pay?",
        alternatives: &[
            "Which payment methods do you accept?",
            "Can I pay by credit card?",
            "Do you take cash on delivery?",
            "What are the payment options?",
            "Do you accept bank transfer?",
        ],
        keywords: &["payment methods", "credit card", "cash on delivery"],
        answer: "The checkout shows every way to pay that your country and your basket allow.",
    },
    SeedFaq {
        topic: "payment_problem",
        language: EN,
        question: "My payment failed",
        alternatives: &[
            "I have a problem with my payment",
            "My card was declined",
            "I was charged twice",
            "The payment does not go through",
            "Why was my payment rejected?",
        ],
        keywords: &["payment failed", "declined", "charged twice"],
        answer: "If a payment fails, nothing is taken, though some banks show the amount as reserved for a few days. Try again \
            or choose another way to pay. If you were charged twice, write to us here and we put it right.",
    },
    SeedFaq {
        topic: "cancel_order",
        language: EN,
        question: "Can I cancel my order?",
        alternatives: &[
            "I want to cancel my order",
            "How do I cancel a purchase?",
            "I no longer want my order",
            "I ordered by mistake, please cancel it",
            "cancel order before it ships",
        ],
        keywords: &["cancel", "cancellation"],
        answer: "You can cancel an order under \"My orders\" as long as it has not left. After that, send it back when it \
            arrives.",
    },
    SeedFaq {
        topic: "change_address",
        language: EN,
        question: "Can I change the delivery address?",
        alternatives: &[
            "I want to change my shipping address",
            "I entered the wrong address",
            "Please send my order to another address",
            "How do I update my address?",
            "correct the address of my order",
        ],
        keywords: &["change address", "wrong address"],
        answer: "As long as your order has not left, we can change its address. Write the order and the new address here.",
    },
    SeedFaq {
        topic: "invoice",
        language: EN,
        question: "Where do I get my invoice?",
        alternatives: &[
            "I need a receipt for my order",
            "Can you send me the bill?",
            "How do I download an invoice?",
            "I need a tax invoice with my company's name",
            "I did not receive an invoice",
        ],
        keywords: &["invoice", "receipt", "tax invoice"],
        answer: "The invoice of each order is under \"My orders\". If you need another name on it, write to us here.",
    },
    SeedFaq {
        topic: "damaged_item",
        language: EN,
        question: "My item arrived damaged",
        alternatives: &[
            "I received the wrong product",
            "Something is missing in my parcel",
            "The product is broken",
            "The item does not work",
            "my package came damaged",
        ],
        keywords: &["damaged", "broken", "wrong product", "missing item"],
        answer: "We are sorry. Send us a photo of it and the order here, and we send a new one or your money back.",
    },
    SeedFaq {
        topic: "account",
        language: EN,
        question: "I forgot my password",
        alternatives: &[
            "How do I reset my password?",
            "I cannot log in to my account",
            "I cannot sign in",
            "I lost access to my account",
            "password recovery",
        ],
        keywords: &["password", "log in", "login"],
        answer: "Choose \"Forgot password\" where you sign in, and we send you a link to choose a new one.",
    },
    SeedFaq {
        topic: "contact",
        language: EN,
        question: "How do I contact customer service?",
        alternatives: &[
            "How can I reach you?",
            "Do you have a phone number?",
            "What is your email address?",
            "Can I call you?",
            "How do I get in touch with support?",
        ],
        keywords: &["customer service", "phone number", "contact"],
        answer: "Write \"human\" here, and one of us takes over. {opening_hours}",
    },
];

/// What is said without being asked.
pub const RESPONSES: &[SeedResponse] = &[
    SeedResponse {
        name: "welcome",
        language: EN,
        trigger: SeedTrigger::Welcome,
        text: "Hello! What can we do for you? Write \"human\" at any time to talk to one of us.",
    },
    SeedResponse {
        name: "offline",
        language: EN,
        trigger: SeedTrigger::Offline,
        text: "Nobody is here at the moment. {opening_hours} Leave your message, and we answer as soon as we are back.",
    },
    SeedResponse {
        name: "busy",
        language: EN,
        trigger: SeedTrigger::Busy,
        text: "We are all talking to others right now. You are in the queue, and the next of us who is free answers you.",
    },
    SeedResponse {
        name: "thanks",
        language: EN,
        trigger: SeedTrigger::Keyword(&["thanks", "thank you"]),
        text: "You are welcome!",
    },
    SeedResponse {
        name: "discount",
        language: EN,
        trigger: SeedTrigger::Keyword(&["discount", "coupon", "promo code", "voucher"]),
        text: "Enter a code in the checkout, under your basket. Our current offers are on the first page of the shop.",
    },
];
