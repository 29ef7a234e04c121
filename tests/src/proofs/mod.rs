//! What no single story can show: that nothing is lost or done twice, whatever goes wrong and whoever comes at once.

mod contention;
mod crash_chat;
mod crash_files;
mod crash_notifications;
mod crash_orders;
mod crash_payments;
mod crash_realtime;
mod crash_sales;
mod crash_settlement;
mod crash_stock;
mod desk;
mod histories;
mod mixes;
mod races;
mod settling;
mod torture;
mod webhook_orders;
