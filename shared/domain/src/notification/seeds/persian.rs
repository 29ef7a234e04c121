//! In Persian.

use super::{Kind, Table, Wording, Words};

pub(super) const WORDS: Words = Words {
    open: "مشاهدهٔ جزئیات",
    because: "این ایمیل را دریافت می‌کنید چون در {{ shop_name }} حساب دارید یا خواسته‌اید خبرتان کنیم.",
    unsubscribe: "لغو دریافت ایمیل",
};

pub(super) const DIGEST: Wording = Wording::new(
    "{{ count }} خبر تازه از {{ shop_name }}",
    "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

از ایمیل پیشین تاکنون این‌ها رخ داده است:

{% for item in items %}- {{ item.name }}
{% endfor %}",
);

pub(super) const WORDINGS: Table = &[
    (
        Kind::OrderConfirmation,
        Wording::new(
            "سفارش {{ order_number }} تأیید شد",
            "{% if recipient_name %}{{ recipient_name }} عزیز، {% endif %}از خرید شما سپاسگزاریم! سفارشتان{% if total %} به مبلغ {{ total }}{% endif %} در حال آماده‌سازی است.",
        )
        .mail(
            "سفارش {{ order_number }} شما از {{ shop_name }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

از سفارش شما سپاسگزاریم! پرداخت شما را دریافت کرده‌ایم و سفارشتان را آماده می‌کنیم.

{% if lines %}سفارش {{ order_number }}:

{% for line in lines %}- {{ line.quantity }} × {{ line.name }}{% if line.total %}: {{ line.total }}{% endif %}
{% endfor %}
{% endif %}{% if total %}جمع کل: {{ total }}

{% endif %}به‌محض ارسال بسته، خبرتان می‌کنیم.",
        ),
    ),
    (
        Kind::OrderShipped,
        Wording::new(
            "سفارش شما ارسال شد",
            "سفارش {{ order_number }}{% if carrier %} با {{ carrier }}{% endif %} ارسال شد{% if tracking_number %}؛ کد رهگیری: {{ tracking_number }}{% endif %}.{% if expected_on %} انتظار می‌رود در {{ expected_on }} به دستتان برسد.{% endif %}",
        ),
    ),
    (
        Kind::OrderDelivered,
        Wording::new(
            "سفارش شما رسید",
            "سفارش {{ order_number }}{% if delivered_on %} در {{ delivered_on }}{% endif %} تحویل داده شد. امیدواریم از خریدتان لذت ببرید.",
        ),
    ),
    (
        Kind::OrderStatusUpdate,
        Wording::new(
            "خبر تازه از سفارش {{ order_number }}",
            "{% if status == 'processing' %}سفارش شما در حال آماده‌سازی است.{% elif status == 'on_hold' %}سفارش شما برای بررسی موقتاً متوقف شده است. لازم نیست کاری انجام دهید.{% elif status == 'out_for_delivery' %}بستهٔ شما امروز برای تحویل در راه است.{% elif status == 'delivery_failed' %}پیک نتوانست بسته را به شما تحویل دهد. برای دیدن مرحلهٔ بعد، سفارش را باز کنید.{% elif status == 'returned' %}بستهٔ شما به فروشگاه بازگشت.{% elif status == 'cancelled' %}سفارش شما لغو شد.{% elif status == 'expired' %}سفارش شما به‌موقع پرداخت نشد و منقضی شد.{% else %}وضعیت سفارش شما تغییر کرد.{% endif %}",
        ),
    ),
    (
        Kind::PaymentConfirmation,
        Wording::new(
            "پرداخت شما دریافت شد",
            "پرداخت شما{% if amount %} به مبلغ {{ amount }}{% endif %} برای سفارش {{ order_number }} دریافت شد. سپاسگزاریم!",
        )
        .mail(
            "دریافت پرداخت برای سفارش {{ order_number }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

پرداخت شما دریافت شد. سپاسگزاریم!

{% if amount %}- مبلغ: {{ amount }}
{% endif %}{% if method %}- روش پرداخت: {{ method }}
{% endif %}{% if paid_on %}- تاریخ: {{ paid_on }}
{% endif %}- سفارش: {{ order_number }}{% if receipt_url %}

رسید شما: {{ receipt_url }}{% endif %}",
        ),
    ),
    (
        Kind::PaymentFailed,
        Wording::new(
            "پرداخت شما انجام نشد",
            "پرداخت{% if amount %} {{ amount }}{% endif %} برای سفارش {{ order_number }} ناموفق بود و مبلغی از شما کسر نشده است. لطفاً دوباره تلاش کنید یا روش پرداخت دیگری برگزینید.",
        ),
    ),
    (
        Kind::RefundProcessed,
        Wording::new(
            "وجه شما بازگردانده شد",
            "{% if amount %}مبلغ {{ amount }}{% else %}وجه پرداختی شما{% endif %} بابت سفارش {{ order_number }} بازگردانده شد.",
        )
        .mail(
            "بازگشت وجه سفارش {{ order_number }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

{% if amount %}مبلغ {{ amount }}{% else %}وجه پرداختی شما{% endif %} بابت سفارش {{ order_number }}{% if refunded_on %} در {{ refunded_on }}{% endif %} بازگردانده شد.

وجه از همان راهی که پرداخت کرده‌اید برمی‌گردد. بسته به بانک شما، ممکن است تا ده روز طول بکشد.",
        ),
    ),
    (
        Kind::SubscriptionPaymentFailed,
        Wording::new(
            "اشتراک شما تمدید نشد",
            "پرداخت{% if amount %} {{ amount }}{% endif %}{% if plan %} برای «{{ plan }}»{% endif %} ناموفق بود. لطفاً اطلاعات پرداخت خود را بررسی کنید{% if retry_on %}؛ در {{ retry_on }} دوباره تلاش می‌کنیم{% endif %}.",
        ),
    ),
    (
        Kind::DisputeOpened,
        Wording::new(
            "به یک پرداخت اعتراض شد",
            "به {% if amount %}پرداخت {{ amount }} برای {% endif %}سفارش {{ order_number }} اعتراض شده است{% if reason %} ({{ reason }}){% endif %}.{% if respond_by %} مهلت ارائهٔ مدارک: {{ respond_by }}.{% endif %}",
        ),
    ),
    (
        Kind::PriceDrop,
        Wording::new(
            "{{ product_name }} {% if price %}اکنون {{ price }}{% else %}ارزان‌تر شد{% endif %}",
            "قیمت{% if variant_name %} ({{ variant_name }}){% endif %}{% if old_price %} از {{ old_price }}{% endif %}{% if price %} به {{ price }}{% endif %} کاهش یافت.",
        )
        .mail(
            "کاهش قیمت: {{ product_name }}{% if price %}، اکنون {{ price }}{% endif %}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

خبر خوب: قیمت {{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %}{% if old_price %} از {{ old_price }}{% endif %}{% if price %} به {{ price }}{% endif %} کاهش یافت.

خواسته بودید خبرتان کنیم. قیمت‌ها ممکن است هر زمان دوباره تغییر کنند.",
        ),
    ),
    (
        Kind::BackInStock,
        Wording::new(
            "{{ product_name }} دوباره موجود شد",
            "{% if variant_name %}مدل «{{ variant_name }}»{% else %}این کالا{% endif %}{% if price %} با قیمت {{ price }}{% endif %} دوباره موجود است. پیش از آنکه تمام شود سفارش دهید.",
        )
        .mail(
            "دوباره موجود شد: {{ product_name }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

{{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %}{% if price %} با قیمت {{ price }}{% endif %} دوباره موجود است.

خواسته بودید خبرتان کنیم. شاید دیگران هم منتظر باشند و نمی‌توانیم آن را برایتان نگه داریم.",
        ),
    ),
    (
        Kind::InventoryAlert,
        Wording::new(
            "{% if alert == 'out_of_stock' %}ناموجود{% elif alert == 'overstock' %}موجودی بیش از حد{% elif alert == 'expiring' %}نزدیک به تاریخ انقضا{% else %}موجودی کم{% endif %}: {{ product_name }}",
            "{% if variant_name %}{{ variant_name }}، {% endif %}{% if location %}{{ location }}: {% endif %}{% if alert == 'expiring' and expires_on %}تاریخ انقضا {{ expires_on }}{% else %}{{ available }} عدد باقی مانده است{% if threshold %} (حد: {{ threshold }}){% endif %}{% endif %}.",
        ),
    ),
    (
        Kind::ChatMessage,
        Wording::new("{{ sender_name or shop_name }}", "{{ message or 'پیام تازه‌ای دارید.' }}").mail(
            "{% if count and count > 1 %}{{ count }} {% endif %}پیام تازه از {{ sender_name or shop_name }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

{{ sender_name or shop_name }} برای شما پیام فرستاده است{% if message %}:

{{ message }}{% else %}.{% endif %}

برای پاسخ دادن، گفتگو را باز کنید.",
        ),
    ),
    (
        Kind::SupportTicketResponse,
        Wording::new(
            "{{ agent_name or shop_name }} به شما پاسخ داد",
            "{{ message or 'برای خواندن پاسخ، گفتگو را باز کنید.' }}",
        ),
    ),
    (
        Kind::PromotionAlert,
        Wording::new(
            "{{ headline or shop_name }}",
            "{{ message }}{% if code %} کد شما: {{ code }}.{% endif %}{% if ends_on %} تا {{ ends_on }}.{% endif %}",
        ),
    ),
    (
        Kind::PersonalizedOffer,
        Wording::new(
            "{{ headline or 'پیشنهادی برای شما' }}",
            "{% if recipient_name %}{{ recipient_name }} عزیز، این برای شماست: {% endif %}{{ message }}{% if code %} کد شما: {{ code }}.{% endif %}{% if ends_on %} تا {{ ends_on }}.{% endif %}",
        ),
    ),
    (
        Kind::LoyaltyReward,
        Wording::new(
            "{% if points %}{{ points }} امتیاز گرفتید{% elif tier %}به سطح {{ tier }} خوش آمدید{% else %}پاداشی برای شما{% endif %}",
            "{% if points and tier %}اکنون در سطح «{{ tier }}» هستید. {% endif %}{% if balance %}موجودی شما: {{ balance }} امتیاز. {% endif %}از همراهی شما سپاسگزاریم!",
        ),
    ),
    (
        Kind::SecurityAlert,
        Wording::new(
            "{% if event == 'test' %}این یک آزمایش است{% elif event == 'new_device' %}ورود تازه به حساب شما{% elif event == 'password_changed' %}گذرواژهٔ شما تغییر کرد{% elif event == 'sessions_ended' %}از همهٔ دستگاه‌ها خارج شدید{% else %}لطفاً حساب خود را بررسی کنید{% endif %}",
            "{% if event == 'test' %}کار می‌کند: خبرهای ما به اینجا می‌رسد.{% else %}{% if event == 'new_device' %}کسی{% if device %} با {{ device }}{% endif %}{% if place %} از حوالی {{ place }}{% endif %} وارد حساب شما شد{% elif event == 'password_changed' %}گذرواژهٔ شما تغییر کرد{% elif event == 'sessions_ended' %}همهٔ نشست‌های حساب شما پایان یافت{% else %}به موردی غیرعادی برخوردیم{% endif %}{% if happened_at %} ({{ happened_at }}){% endif %}. اگر کار شما نبوده، همین حالا حساب خود را ایمن کنید.{% endif %}",
        )
        .mail(
            "{% if event == 'test' %}این یک آزمایش است{% elif event == 'new_device' %}ورود تازه به حساب شما{% elif event == 'password_changed' %}تغییر گذرواژهٔ شما{% elif event == 'sessions_ended' %}خروج از همهٔ دستگاه‌ها{% else %}لطفاً حساب خود را بررسی کنید{% endif %} در {{ shop_name }}",
            "سلام{% if recipient_name %} {{ recipient_name }} عزیز{% endif %}،

{% if event == 'test' %}این آزمایشی است که خواسته بودید. کار می‌کند: خبرهای ما به اینجا می‌رسد.{% else %}{% if event == 'new_device' %}کسی از دستگاهی که پیش‌تر ندیده بودیم وارد حساب شما شد.{% elif event == 'password_changed' %}گذرواژهٔ حساب شما تغییر کرد.{% elif event == 'sessions_ended' %}همهٔ نشست‌های حساب شما پایان یافت.{% else %}در حساب شما به موردی غیرعادی برخوردیم.{% endif %}

{% if happened_at %}- زمان: {{ happened_at }}
{% endif %}{% if device %}- دستگاه: {{ device }}
{% endif %}{% if place %}- حوالی: {{ place }}
{% endif %}
اگر خودتان بوده‌اید، لازم نیست کاری انجام دهید. اگر نه، همین حالا گذرواژه را تغییر دهید و از همهٔ دستگاه‌ها خارج شوید.{% endif %}",
        ),
    ),
    (
        Kind::CampaignStatusChange,
        Wording::new(
            "{{ campaign_name or 'یک کمپین' }} {% if status == 'running' %}آغاز شد{% elif status == 'paused' %}متوقف شد{% elif status == 'done' %}پایان یافت{% elif status == 'scheduled' %}زمان‌بندی شد{% else %}تغییر کرد{% endif %}",
            "وضعیت کنونی کمپین: {{ status }}.",
        ),
    ),
    (
        Kind::FeatureFlagEnabled,
        Wording::new(
            "{{ flag }} روشن شد",
            "قابلیت «{{ flag }}»{% if changed_by %} به دست {{ changed_by }}{% endif %} روشن شد.",
        ),
    ),
    (
        Kind::MerchantApplicationApproved,
        Wording::new(
            "می‌توانید فروش را آغاز کنید",
            "{% if business_name %}{{ business_name }} تأیید شد.{% else %}درخواست شما تأیید شد.{% endif %} به {{ shop_name }} خوش آمدید!",
        ),
    ),
    (
        Kind::SystemAlert,
        Wording::new(
            "{% if severity %}{{ severity }}: {% endif %}{{ alert }}",
            "{{ message or alert }}{% if since %} از {{ since }}.{% endif %}",
        ),
    ),
];
