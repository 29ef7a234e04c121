//! Buying something, from the first visit to the paid order.

use local::cloud::Options;

use crate::shop::{Shop, template};

#[tokio::test]
async fn an_order_is_paid_and_everybody_who_watches_is_told() {
    let shop = Shop::new().await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    let mut socket = shop.socket(&ana).await;
    socket.subscribe("product:lamp").await;

    let order = shop.order(&ana, "lamp", 2).await;
    assert_eq!(order["status"], "pending_payment");
    let order_id = order["order_id"].as_str().unwrap();
    socket.until("inventory.updated", |event| event["data"]["available_quantity"] == 1).await;
    socket.subscribe(&format!("order:{order_id}")).await;

    shop.pay(&ana, order_id, "pm_card_visa").await;
    shop.cloud.idle().await.unwrap();
    let paid = shop.get(&format!("/api/v1/orders/{order_id}"), Some(&ana)).await;
    assert_eq!((&paid["status"], &paid["payment_status"]), (&"paid".into(), &"paid".into()));
    let told = socket.until("order.status_updated", |event| event["data"]["current_status"] == "paid").await;
    assert_eq!(told["data"]["order_id"], order_id);
    assert_eq!(shop.available("lamp").await, 1);
    shop.cloud.stop().await;
}

#[tokio::test]
async fn an_order_that_nobody_pays_gives_its_stock_back_after_fifteen_minutes() {
    let shop = Shop::new().await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    let order = shop.order(&ana, "lamp", 2).await;
    let path = format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap());
    shop.advance(14).await;
    assert_eq!(shop.available("lamp").await, 1);
    shop.advance(2).await;
    assert_eq!(shop.available("lamp").await, 3);
    assert_eq!(shop.get(&path, Some(&ana)).await["status"], "expired");
}

#[tokio::test]
async fn a_restart_keeps_data_and_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { data: Some(folder.path().to_owned()), ..Options::ephemeral(template()) };
    let shop = Shop::with(options.clone()).await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    let order = shop.order(&ana, "lamp", 2).await;
    let path = format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap());
    shop.cloud.stop().await;

    let shop = Shop::with(options).await;
    assert_eq!(shop.available("lamp").await, 1);
    assert_eq!(shop.get(&path, Some(&ana)).await["status"], "pending_payment");
}
