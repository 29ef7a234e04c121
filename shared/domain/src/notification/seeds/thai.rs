//! In Thai.

use super::{Kind, Table, Wording, Words};

pub(super) const WORDS: Words = Words {
    open: "ดูรายละเอียด",
    because: "คุณได้รับอีเมลนี้เพราะคุณมีบัญชีกับ {{ shop_name }} หรือเคยขอให้เราแจ้งข่าว",
    unsubscribe: "ยกเลิกการรับอีเมล",
};

pub(super) const DIGEST: Wording = Wording::new(
    "ข่าวใหม่ {{ count }} รายการจาก {{ shop_name }}",
    "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

นี่คือสิ่งที่เกิดขึ้นหลังจากอีเมลฉบับก่อน:

{% for item in items %}- {{ item.name }}
{% endfor %}",
);

pub(super) const WORDINGS: Table = &[
    (
        Kind::OrderConfirmation,
        Wording::new(
            "ยืนยันคำสั่งซื้อ {{ order_number }} แล้ว",
            "ขอบคุณ{% if recipient_name %} คุณ {{ recipient_name }}{% endif %} เรากำลังเตรียมสินค้าให้คุณ{% if total %} (ยอดรวม {{ total }}){% endif %}",
        )
        .mail(
            "คำสั่งซื้อ {{ order_number }} ของคุณที่ {{ shop_name }}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

ขอบคุณสำหรับคำสั่งซื้อ เราได้รับการชำระเงินเรียบร้อยแล้ว และกำลังเตรียมสินค้าให้คุณ

{% if lines %}คำสั่งซื้อ {{ order_number }}:

{% for line in lines %}- {{ line.name }} × {{ line.quantity }}{% if line.total %}: {{ line.total }}{% endif %}
{% endfor %}
{% endif %}{% if total %}ยอดรวม: {{ total }}

{% endif %}เราจะแจ้งให้คุณทราบทันทีที่จัดส่งพัสดุ",
        ),
    ),
    (
        Kind::OrderShipped,
        Wording::new(
            "จัดส่งสินค้าของคุณแล้ว",
            "คำสั่งซื้อ {{ order_number }} จัดส่งแล้ว{% if carrier %}โดย {{ carrier }}{% endif %}{% if tracking_number %} หมายเลขพัสดุ {{ tracking_number }}{% endif %}{% if expected_on %} คาดว่าจะได้รับในวันที่ {{ expected_on }}{% endif %}",
        ),
    ),
    (
        Kind::OrderDelivered,
        Wording::new(
            "พัสดุของคุณถึงแล้ว",
            "คำสั่งซื้อ {{ order_number }} จัดส่งถึงคุณแล้ว{% if delivered_on %}เมื่อวันที่ {{ delivered_on }}{% endif %} ขอให้มีความสุขกับสินค้าใหม่ของคุณ",
        ),
    ),
    (
        Kind::OrderStatusUpdate,
        Wording::new(
            "ความคืบหน้าของคำสั่งซื้อ {{ order_number }}",
            "{% if status == 'processing' %}เรากำลังเตรียมสินค้าของคุณ{% elif status == 'on_hold' %}คำสั่งซื้อของคุณถูกพักไว้ชั่วคราวระหว่างที่เราตรวจสอบข้อมูล คุณไม่ต้องดำเนินการใด ๆ{% elif status == 'out_for_delivery' %}พัสดุของคุณอยู่ระหว่างการนำส่งวันนี้{% elif status == 'delivery_failed' %}พนักงานขนส่งไม่สามารถนำส่งพัสดุของคุณได้ เปิดคำสั่งซื้อเพื่อดูขั้นตอนต่อไป{% elif status == 'returned' %}พัสดุของคุณถูกส่งกลับมาที่ร้านแล้ว{% elif status == 'cancelled' %}คำสั่งซื้อของคุณถูกยกเลิกแล้ว{% elif status == 'expired' %}คำสั่งซื้อของคุณหมดอายุ เนื่องจากไม่ได้ชำระเงินภายในเวลาที่กำหนด{% else %}สถานะคำสั่งซื้อของคุณมีการเปลี่ยนแปลง{% endif %}",
        ),
    ),
    (
        Kind::PaymentConfirmation,
        Wording::new(
            "ได้รับชำระเงินแล้ว",
            "เราได้รับการชำระเงิน{% if amount %} {{ amount }}{% endif %} สำหรับคำสั่งซื้อ {{ order_number }} แล้ว ขอบคุณ",
        )
        .mail(
            "ได้รับชำระเงินสำหรับคำสั่งซื้อ {{ order_number }} แล้ว",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

เราได้รับการชำระเงินของคุณแล้ว ขอบคุณ

{% if amount %}- จำนวนเงิน: {{ amount }}
{% endif %}{% if method %}- ชำระด้วย: {{ method }}
{% endif %}{% if paid_on %}- วันที่: {{ paid_on }}
{% endif %}- คำสั่งซื้อ: {{ order_number }}{% if receipt_url %}

ใบเสร็จของคุณ: {{ receipt_url }}{% endif %}",
        ),
    ),
    (
        Kind::PaymentFailed,
        Wording::new(
            "การชำระเงินไม่สำเร็จ",
            "การชำระเงิน{% if amount %} {{ amount }}{% endif %} สำหรับคำสั่งซื้อ {{ order_number }} ไม่สำเร็จ ยังไม่มีการเรียกเก็บเงินจากคุณ โปรดลองอีกครั้งหรือเลือกวิธีชำระเงินอื่น",
        ),
    ),
    (
        Kind::RefundProcessed,
        Wording::new(
            "คืนเงินให้คุณแล้ว",
            "เราคืนเงิน{% if amount %} {{ amount }}{% endif %} สำหรับคำสั่งซื้อ {{ order_number }} แล้ว",
        )
        .mail(
            "คืนเงินสำหรับคำสั่งซื้อ {{ order_number }}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

เราคืนเงิน{% if amount %} {{ amount }}{% endif %} สำหรับคำสั่งซื้อ {{ order_number }} แล้ว{% if refunded_on %}เมื่อวันที่ {{ refunded_on }}{% endif %}

เงินจะกลับไปยังช่องทางที่คุณใช้ชำระ อาจใช้เวลาถึง 10 วันกว่าจะเห็นยอดเงิน ขึ้นอยู่กับธนาคารของคุณ",
        ),
    ),
    (
        Kind::SubscriptionPaymentFailed,
        Wording::new(
            "ต่ออายุสมาชิกไม่สำเร็จ",
            "การชำระเงิน{% if amount %} {{ amount }}{% endif %}{% if plan %} สำหรับ “{{ plan }}”{% endif %} ไม่สำเร็จ โปรดตรวจสอบข้อมูลการชำระเงินของคุณ{% if retry_on %} เราจะลองอีกครั้งในวันที่ {{ retry_on }}{% endif %}",
        ),
    ),
    (
        Kind::DisputeOpened,
        Wording::new(
            "มีการโต้แย้งการชำระเงิน",
            "คำสั่งซื้อ {{ order_number }}{% if amount %} ยอด {{ amount }}{% endif %} ถูกโต้แย้งการชำระเงิน{% if reason %} ({{ reason }}){% endif %}{% if respond_by %} ต้องส่งหลักฐานภายใน {{ respond_by }}{% endif %}",
        ),
    ),
    (
        Kind::PriceDrop,
        Wording::new(
            "{{ product_name }} {% if price %}ลดเหลือ {{ price }}{% else %}ลดราคาแล้ว{% endif %}",
            "ราคา{% if variant_name %} ({{ variant_name }}) {% endif %}ลดลง{% if old_price %}จาก {{ old_price }}{% endif %}{% if price %} เหลือ {{ price }}{% endif %}",
        )
        .mail(
            "ลดราคา: {{ product_name }}{% if price %} เหลือ {{ price }}{% endif %}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

ข่าวดี: ราคาของ {{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %} ลดลง{% if old_price %}จาก {{ old_price }}{% endif %}{% if price %} เหลือ {{ price }}{% endif %}

คุณขอให้เราแจ้งเมื่อราคาลดลง ทั้งนี้ราคาอาจเปลี่ยนแปลงได้ทุกเมื่อ",
        ),
    ),
    (
        Kind::BackInStock,
        Wording::new(
            "{{ product_name }} กลับมามีสินค้าแล้ว",
            "{% if variant_name %}แบบ “{{ variant_name }}” {% else %}สินค้า{% endif %}พร้อมจำหน่ายอีกครั้ง{% if price %}ในราคา {{ price }}{% endif %} สั่งซื้อได้ก่อนสินค้าหมด",
        )
        .mail(
            "มีสินค้าอีกครั้ง: {{ product_name }}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

{{ product_name }}{% if variant_name %} ({{ variant_name }}){% endif %} พร้อมจำหน่ายอีกครั้ง{% if price %}ในราคา {{ price }}{% endif %}

คุณขอให้เราแจ้งเมื่อมีสินค้า อาจมีลูกค้าท่านอื่นรออยู่เช่นกัน และเราไม่สามารถเก็บสินค้าไว้ให้คุณได้",
        ),
    ),
    (
        Kind::InventoryAlert,
        Wording::new(
            "{% if alert == 'out_of_stock' %}สินค้าหมด{% elif alert == 'overstock' %}สินค้าล้นสต็อก{% elif alert == 'expiring' %}สินค้าใกล้หมดอายุ{% else %}สินค้าใกล้หมด{% endif %}: {{ product_name }}",
            "{% if variant_name %}{{ variant_name }}, {% endif %}{% if location %}{{ location }}: {% endif %}{% if alert == 'expiring' and expires_on %}หมดอายุ {{ expires_on }}{% else %}เหลือ {{ available }} ชิ้น{% if threshold %} (เกณฑ์ {{ threshold }} ชิ้น){% endif %}{% endif %}",
        ),
    ),
    (
        Kind::ChatMessage,
        Wording::new("{{ sender_name or shop_name }}", "{{ message or 'คุณมีข้อความใหม่' }}").mail(
            "ข้อความใหม่{% if count and count > 1 %} {{ count }} ข้อความ{% endif %}จาก {{ sender_name or shop_name }}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

{{ sender_name or shop_name }} ส่งข้อความถึงคุณ{% if message %}:

{{ message }}{% endif %}

เปิดแชตเพื่อตอบกลับ",
        ),
    ),
    (
        Kind::SupportTicketResponse,
        Wording::new(
            "{{ agent_name or shop_name }} ตอบกลับคุณแล้ว",
            "{{ message or 'เปิดแชตเพื่ออ่านคำตอบ' }}",
        ),
    ),
    (
        Kind::PromotionAlert,
        Wording::new(
            "{{ headline or shop_name }}",
            "{{ message }}{% if code %} โค้ดของคุณ: {{ code }}{% endif %}{% if ends_on %} ถึงวันที่ {{ ends_on }}{% endif %}",
        ),
    ),
    (
        Kind::PersonalizedOffer,
        Wording::new(
            "{{ headline or 'ข้อเสนอสำหรับคุณ' }}",
            "{% if recipient_name %}คุณ {{ recipient_name }} ข้อเสนอนี้เพื่อคุณ: {% endif %}{{ message }}{% if code %} โค้ดของคุณ: {{ code }}{% endif %}{% if ends_on %} ถึงวันที่ {{ ends_on }}{% endif %}",
        ),
    ),
    (
        Kind::LoyaltyReward,
        Wording::new(
            "{% if points %}คุณได้รับ {{ points }} คะแนน{% elif tier %}ยินดีต้อนรับสู่ระดับ {{ tier }}{% else %}ของรางวัลสำหรับคุณ{% endif %}",
            "{% if points and tier %}ตอนนี้คุณอยู่ในระดับ “{{ tier }}” {% endif %}{% if balance %}คะแนนสะสมของคุณ: {{ balance }} คะแนน {% endif %}ขอบคุณที่อยู่กับเรา",
        ),
    ),
    (
        Kind::SecurityAlert,
        Wording::new(
            "{% if event == 'test' %}นี่คือการทดสอบ{% elif event == 'new_device' %}มีการเข้าสู่ระบบบัญชีของคุณจากอุปกรณ์ใหม่{% elif event == 'password_changed' %}รหัสผ่านของคุณถูกเปลี่ยน{% elif event == 'sessions_ended' %}บัญชีของคุณถูกออกจากระบบในทุกอุปกรณ์{% else %}โปรดตรวจสอบบัญชีของคุณ{% endif %}",
            "{% if event == 'test' %}ใช้งานได้แล้ว การแจ้งเตือนของเราจะมาถึงที่นี่{% else %}{% if event == 'new_device' %}มีผู้เข้าสู่ระบบบัญชีของคุณ{% if device %}ด้วย {{ device }}{% endif %}{% if place %} ใกล้ {{ place }}{% endif %}{% elif event == 'password_changed' %}รหัสผ่านของคุณถูกเปลี่ยน{% elif event == 'sessions_ended' %}บัญชีของคุณถูกออกจากระบบในทุกอุปกรณ์{% else %}เราพบสิ่งผิดปกติ{% endif %}{% if happened_at %} ({{ happened_at }}){% endif %} หากไม่ใช่คุณ โปรดป้องกันบัญชีของคุณทันที{% endif %}",
        )
        .mail(
            "{% if event == 'test' %}นี่คือการทดสอบ{% elif event == 'new_device' %}มีการเข้าสู่ระบบบัญชีของคุณจากอุปกรณ์ใหม่{% elif event == 'password_changed' %}รหัสผ่านของคุณถูกเปลี่ยน{% elif event == 'sessions_ended' %}บัญชีของคุณถูกออกจากระบบในทุกอุปกรณ์{% else %}โปรดตรวจสอบบัญชีของคุณ{% endif %}ที่ {{ shop_name }}",
            "สวัสดี{% if recipient_name %}คุณ {{ recipient_name }}{% endif %}

{% if event == 'test' %}นี่คือการทดสอบตามที่คุณขอ ใช้งานได้แล้ว การแจ้งเตือนของเราจะมาถึงที่นี่{% else %}{% if event == 'new_device' %}มีผู้เข้าสู่ระบบบัญชีของคุณจากอุปกรณ์ที่เราไม่เคยเห็นมาก่อน{% elif event == 'password_changed' %}รหัสผ่านบัญชีของคุณถูกเปลี่ยน{% elif event == 'sessions_ended' %}บัญชีของคุณถูกออกจากระบบในทุกอุปกรณ์{% else %}เราพบสิ่งผิดปกติในบัญชีของคุณ{% endif %}

{% if happened_at %}- เมื่อ: {{ happened_at }}
{% endif %}{% if device %}- อุปกรณ์: {{ device }}
{% endif %}{% if place %}- ใกล้: {{ place }}
{% endif %}
หากเป็นคุณ ไม่ต้องดำเนินการใด ๆ หากไม่ใช่ โปรดเปลี่ยนรหัสผ่านและออกจากระบบทุกอุปกรณ์ทันที{% endif %}",
        ),
    ),
    (
        Kind::CampaignStatusChange,
        Wording::new(
            "{{ campaign_name or 'แคมเปญ' }} {% if status == 'running' %}เริ่มแล้ว{% elif status == 'paused' %}หยุดชั่วคราว{% elif status == 'done' %}สิ้นสุดแล้ว{% elif status == 'scheduled' %}ตั้งเวลาไว้แล้ว{% else %}มีการเปลี่ยนแปลง{% endif %}",
            "สถานะแคมเปญตอนนี้: {{ status }}",
        ),
    ),
    (
        Kind::FeatureFlagEnabled,
        Wording::new(
            "เปิดใช้ {{ flag }} แล้ว",
            "ฟีเจอร์ “{{ flag }}” ถูกเปิดใช้{% if changed_by %}โดย {{ changed_by }}{% endif %}",
        ),
    ),
    (
        Kind::MerchantApplicationApproved,
        Wording::new(
            "คุณเริ่มขายได้แล้ว",
            "{% if business_name %}{{ business_name }} ได้รับการอนุมัติแล้ว{% else %}ใบสมัครของคุณได้รับการอนุมัติแล้ว{% endif %} ยินดีต้อนรับสู่ {{ shop_name }}",
        ),
    ),
    (
        Kind::SystemAlert,
        Wording::new(
            "{% if severity %}{{ severity }}: {% endif %}{{ alert }}",
            "{{ message or alert }}{% if since %} ตั้งแต่ {{ since }}{% endif %}",
        ),
    ),
];
