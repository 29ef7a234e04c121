//! What the shop has when it opens: the catalogue, and the stock that the file needs.

use contract::http::{
    catalog::{NewProduct, ProductDetails, ProductView, Variant},
    inventory::{AdjustmentView, NewAdjustment, Operation},
};
use domain::{Currency, Line, LocationId, Money, ProductId, Sku, VariantId, stock::Quantity};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::{
    ReplayError,
    api::{Api, Person},
    retail::{Pence, Product, Retail, Scarcity, StockCode},
};

/// Puts every product on sale, each of its prices a variant, and delivers the opening stock of each.
pub async fn open(
    api: &Api,
    service: &Person,
    retail: &Retail,
    scarcity: Scarcity,
    concurrency: usize,
    progress: &ProgressBar,
) -> Result<(), ReplayError> {
    let run = uuid::Uuid::now_v7().simple().to_string();
    let run = run.as_str();
    stream::iter(retail.products.values().map(|product| async move {
        put_on_sale(api, service, run, product).await?;
        deliver(api, service, run, product, scarcity).await?;
        progress.inc(1);
        Ok::<_, ReplayError>(())
    }))
    .buffer_unordered(concurrency)
    .try_collect()
    .await
}

/// What a product of the file is called in the shop. Its code is made of letters, digits and dashes.
pub fn product_id(code: &StockCode) -> &str {
    code.as_str()
}

/// What a product at this price is called.
pub fn variant_id(price: Pence) -> String {
    format!("p{}", price.0)
}

/// What the shop calls a product at one of its prices.
pub fn sku(code: &StockCode, price: Pence) -> Result<Sku, ReplayError> {
    let unusable = |_| ReplayError::Product(code.to_string());
    Ok(Sku {
        product_id: ProductId::new(product_id(code)).map_err(unusable)?,
        variant_id: Some(VariantId::new(variant_id(price)).map_err(unusable)?),
        location: LocationId::default(),
    })
}

/// The currency of the file.
pub fn pounds() -> Result<Currency, ReplayError> {
    Currency::new("GBP").map_err(|_| ReplayError::Currency)
}

async fn put_on_sale(api: &Api, service: &Person, run: &str, product: &Product) -> Result<(), ReplayError> {
    let details = details(product)?;
    let id = product_id(&product.code);
    let new = NewProduct { product_id: Some(sku(&product.code, product.list_price)?.product_id), details };
    let key = format!("{run}-product-{id}");
    let made: Result<ProductView, _> = api.post(service, "/api/v1/products", &key, &new).await;
    match made {
        Ok(_) => Ok(()),
        // A replay before this one has put it on sale, perhaps at other prices.
        Err(error) if error.refusal().is_some_and(|code| code != "validation_failed") => {
            let path = format!("/api/v1/products/{id}");
            let _: ProductView = api.put(service, &path, &new.details).await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn details(product: &Product) -> Result<ProductDetails, ReplayError> {
    let currency = pounds()?;
    let variants = product.variants.iter().map(|variant| {
        Ok(Variant {
            variant_id: VariantId::new(variant_id(variant.price))
                .map_err(|_| ReplayError::Product(product.code.to_string()))?,
            name: None,
            price: Some(Money::new(variant.price.0, currency)),
        })
    });
    Ok(ProductDetails {
        variants: variants.collect::<Result<_, ReplayError>>()?,
        ..ProductDetails::new(
            Line::new(product.name.as_str()).map_err(|_| ReplayError::Product(product.code.to_string()))?,
            Money::new(product.list_price.0, currency),
        )
    })
}

async fn deliver(
    api: &Api,
    service: &Person,
    run: &str,
    product: &Product,
    scarcity: Scarcity,
) -> Result<(), ReplayError> {
    for variant in &product.variants {
        let mut left = scarcity.of(variant.opening_stock);
        let mut delivery = 0;
        while left > 0 {
            let quantity = left.min(Quantity::MAX);
            let new = NewAdjustment {
                sku: sku(&product.code, variant.price)?,
                quantity,
                operation: Operation::Add,
                reason: Line::new("opening stock").ok(),
                order_id: None,
                client_time: None,
                expires_on: None,
            };
            let key = format!("{run}-stock-{}-{}-{delivery}", product.code, variant.price.0);
            let path = "/api/v1/inventory/adjustments";
            let _: AdjustmentView = api.post(service, path, &key, &new).await?;
            left -= quantity;
            delivery += 1;
        }
    }
    Ok(())
}
