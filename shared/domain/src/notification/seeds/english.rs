//! In English.

use super::{Kind, Table, Wording, Words};

pub(super) const WORDS: Words = Words {
    open: "View details",
    because: "You get this mail because you have an account with {{ shop_name }} or asked to be told.",
    unsubscribe: "Unsubscribe",
};

pub(super) const DIGEST: Wording = Wording::new(
    "{{ count }} update{{ '' if count == 1 else 's' }} from {{ shop_name }}",
    "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

here is what happened since our last mail:

{% for item in items %}- {{ item.name }}
{% endfor %}",
);

pub(super) const WORDINGS: Table = &[
    (
        Kind::OrderConfirmation,
        Wording::new(
            "Order {{ order_number }} is confirmed",
            "Thank you{% if recipient_name %}, {{ recipient_name }}{% endif %}! We are getting your order ready{% if total %} ({{ total }}){% endif %}.",
        )
        .mail(
            "Your order {{ order_number }} at {{ shop_name }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

thank you for your order! We have received your payment and are getting everything ready.

{% if lines %}Order {{ order_number }}:

{% for line in lines %}- {{ line.quantity }} × {{ line.name }}{% if line.total %}: {{ line.total }}{% endif %}
{% endfor %}
{% endif %}{% if total %}Total: {{ total }}

{% endif %}We will tell you as soon as your parcel is on its way.",
        ),
    ),
    (
        Kind::OrderShipped,
        Wording::new(
            "Your order is on its way",
            "Order {{ order_number }} has been shipped{% if carrier %} with {{ carrier }}{% endif %}{% if tracking_number %}, tracking number {{ tracking_number }}{% endif %}.{% if expected_on %} It should arrive on {{ expected_on }}.{% endif %}",
        ),
    ),
    (
        Kind::OrderDelivered,
        Wording::new(
            "Your order has arrived",
            "Order {{ order_number }} was delivered{% if delivered_on %} on {{ delivered_on }}{% endif %}. Enjoy!",
        ),
    ),
    (
        Kind::OrderStatusUpdate,
        Wording::new(
            "News about order {{ order_number }}",
            "{% if status == 'processing' %}We are getting your order ready.{% elif status == 'on_hold' %}Your order is on hold while we check something. You do not need to do anything.{% elif status == 'out_for_delivery' %}Your parcel is out for delivery today.{% elif status == 'delivery_failed' %}The courier could not deliver your parcel. Open the order to see what happens next.{% elif status == 'returned' %}Your parcel has come back to us.{% elif status == 'cancelled' %}Your order has been cancelled.{% elif status == 'expired' %}Your order was not paid in time and has expired.{% else %}The status of your order has changed.{% endif %}",
        ),
    ),
    (
        Kind::PaymentConfirmation,
        Wording::new(
            "Payment received",
            "We have received your payment{% if amount %} of {{ amount }}{% endif %} for order {{ order_number }}. Thank you!",
        )
        .mail(
            "Payment received for order {{ order_number }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

we have received your payment. Thank you!

{% if amount %}- Amount: {{ amount }}
{% endif %}{% if method %}- Paid with: {{ method }}
{% endif %}{% if paid_on %}- Date: {{ paid_on }}
{% endif %}- Order: {{ order_number }}{% if receipt_url %}

Your receipt: {{ receipt_url }}{% endif %}",
        ),
    ),
    (
        Kind::PaymentFailed,
        Wording::new(
            "Your payment did not go through",
            "The payment{% if amount %} of {{ amount }}{% endif %} for order {{ order_number }} failed. You have not been charged. Please try again or choose another way to pay.",
        ),
    ),
    (
        Kind::RefundProcessed,
        Wording::new(
            "Your refund is on its way",
            "We have refunded {% if amount %}{{ amount }}{% else %}your payment{% endif %} for order {{ order_number }}.",
        )
        .mail(
            "Refund for order {{ order_number }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

we have refunded {% if amount %}{{ amount }}{% else %}your payment{% endif %} for order {{ order_number }}{% if refunded_on %} on {{ refunded_on }}{% endif %}.

The money goes back the way you paid. Depending on your bank it takes up to ten days to show up.",
        ),
    ),
    (
        Kind::SubscriptionPaymentFailed,
        Wording::new(
            "We could not renew your subscription",
            "The payment{% if amount %} of {{ amount }}{% endif %}{% if plan %} for “{{ plan }}”{% endif %} failed. Please check your payment details{% if retry_on %}; we will try again on {{ retry_on }}{% endif %}.",
        ),
    ),
    (
        Kind::DisputeOpened,
        Wording::new(
            "A payment is disputed",
            "{% if amount %}{{ amount }} of order{% else %}Order{% endif %} {{ order_number }} is disputed{% if reason %} ({{ reason }}){% endif %}.{% if respond_by %} Evidence is due by {{ respond_by }}.{% endif %}",
        ),
    ),
    (
        Kind::PriceDrop,
        Wording::new(
            "{{ product_name }} is now {{ price or 'cheaper' }}",
            "The price{% if variant_name %} ({{ variant_name }}){% endif %} dropped{% if old_price %} from {{ old_price }}{% endif %}{% if price %} to {{ price }}{% endif %}.",
        )
        .mail(
            "Price drop: {{ product_name }}{% if price %} is now {{ price }}{% endif %}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

good news: the price of {{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %} dropped{% if old_price %} from {{ old_price }}{% endif %}{% if price %} to {{ price }}{% endif %}.

You asked us to tell you. Prices can change again at any time.",
        ),
    ),
    (
        Kind::BackInStock,
        Wording::new(
            "{{ product_name }} is back in stock",
            "{% if variant_name %}The variant “{{ variant_name }}” is available again{% else %}It is available again{% endif %}{% if price %} for {{ price }}{% endif %}. Get yours before it sells out.",
        )
        .mail(
            "Back in stock: {{ product_name }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

{{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %} is available again{% if price %} for {{ price }}{% endif %}.

You asked us to tell you. Others may be waiting too, and we cannot keep one for you.",
        ),
    ),
    (
        Kind::InventoryAlert,
        Wording::new(
            "{% if alert == 'out_of_stock' %}Sold out{% elif alert == 'overstock' %}Too many in stock{% elif alert == 'expiring' %}Expiring soon{% else %}Low stock{% endif %}: {{ product_name }}",
            "{% if variant_name %}{{ variant_name }}, {% endif %}{% if location %}{{ location }}: {% endif %}{% if alert == 'expiring' and expires_on %}best before {{ expires_on }}{% else %}{{ available }} left{% if threshold %} (threshold: {{ threshold }}){% endif %}{% endif %}.",
        ),
    ),
    (
        Kind::ChatMessage,
        Wording::new("{{ sender_name or shop_name }}", "{{ message or 'You have a new message.' }}").mail(
            "{% if count and count > 1 %}{{ count }} new messages{% else %}New message{% endif %} from {{ sender_name or shop_name }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

{{ sender_name or shop_name }} wrote to you{% if message %}:

{{ message }}{% else %}.{% endif %}

Open the chat to answer.",
        ),
    ),
    (
        Kind::SupportTicketResponse,
        Wording::new(
            "{{ agent_name or shop_name }} has answered you",
            "{{ message or 'Open the chat to read the answer.' }}",
        ),
    ),
    (
        Kind::PromotionAlert,
        Wording::new(
            "{{ headline or shop_name }}",
            "{{ message }}{% if code %} Your code: {{ code }}.{% endif %}{% if ends_on %} Until {{ ends_on }}.{% endif %}",
        ),
    ),
    (
        Kind::PersonalizedOffer,
        Wording::new(
            "{{ headline or 'An offer for you' }}",
            "{% if recipient_name %}{{ recipient_name }}, this is for you: {% endif %}{{ message }}{% if code %} Your code: {{ code }}.{% endif %}{% if ends_on %} Until {{ ends_on }}.{% endif %}",
        ),
    ),
    (
        Kind::LoyaltyReward,
        Wording::new(
            "{% if points %}You have earned {{ points }} points{% elif tier %}Welcome to {{ tier }}{% else %}A reward for you{% endif %}",
            "{% if points and tier %}You are now in the tier “{{ tier }}”. {% endif %}{% if balance %}Your balance: {{ balance }} points. {% endif %}Thank you for being with us!",
        ),
    ),
    (
        Kind::SecurityAlert,
        Wording::new(
            "{% if event == 'test' %}This is a test{% elif event == 'new_device' %}New sign-in to your account{% elif event == 'password_changed' %}Your password was changed{% elif event == 'sessions_ended' %}You were signed out everywhere{% else %}Please check your account{% endif %}",
            "{% if event == 'test' %}It works: what we tell you arrives here.{% else %}{% if event == 'new_device' %}Somebody signed in{% if device %} with {{ device }}{% endif %}{% if place %} near {{ place }}{% endif %}{% elif event == 'password_changed' %}Your password was changed{% elif event == 'sessions_ended' %}All your sessions were ended{% else %}We noticed something unusual{% endif %}{% if happened_at %} ({{ happened_at }}){% endif %}. If this was not you, secure your account now.{% endif %}",
        )
        .mail(
            "{% if event == 'test' %}This is a test{% elif event == 'new_device' %}New sign-in to your account{% elif event == 'password_changed' %}Your password was changed{% elif event == 'sessions_ended' %}You were signed out everywhere{% else %}Please check your account{% endif %} at {{ shop_name }}",
            "Hello{% if recipient_name %} {{ recipient_name }}{% endif %},

{% if event == 'test' %}this is the test that you asked for. It works: what we tell you arrives here.{% else %}{% if event == 'new_device' %}somebody signed in to your account from a device that we have not seen before.{% elif event == 'password_changed' %}the password of your account was changed.{% elif event == 'sessions_ended' %}all sessions of your account were ended.{% else %}we noticed something unusual in your account.{% endif %}

{% if happened_at %}- When: {{ happened_at }}
{% endif %}{% if device %}- Device: {{ device }}
{% endif %}{% if place %}- Near: {{ place }}
{% endif %}
If this was you, there is nothing to do. If not, change your password and sign out everywhere now.{% endif %}",
        ),
    ),
    (
        Kind::CampaignStatusChange,
        Wording::new(
            "{{ campaign_name or 'A campaign' }} {% if status == 'running' %}has started{% elif status == 'paused' %}is paused{% elif status == 'done' %}has ended{% elif status == 'scheduled' %}is scheduled{% else %}has changed{% endif %}",
            "The campaign is now: {{ status }}.",
        ),
    ),
    (
        Kind::FeatureFlagEnabled,
        Wording::new(
            "{{ flag }} is on",
            "The feature “{{ flag }}” was turned on{% if changed_by %} by {{ changed_by }}{% endif %}.",
        ),
    ),
    (
        Kind::MerchantApplicationApproved,
        Wording::new(
            "You can start selling",
            "{% if business_name %}{{ business_name }} has been approved.{% else %}Your application has been approved.{% endif %} Welcome to {{ shop_name }}!",
        ),
    ),
    (
        Kind::SystemAlert,
        Wording::new(
            "{% if severity %}{{ severity }}: {% endif %}{{ alert }}",
            "{{ message or alert }}{% if since %} Since {{ since }}.{% endif %}",
        ),
    ),
];
