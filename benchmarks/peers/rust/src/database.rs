//! The pool, the rows of each type, and one batch for each relation.
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dataloader::Loader;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mysql_async::prelude::Queryable;
use mysql_async::{Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Row, Value};

use crate::schema::{Claim, Invoice, Item};
use crate::values::{Money, Quantity, date, moment};

const CLAIM: &str = "id, type, status, provider_claim_number, service_date, created_at, claimed_cents, approved_cents, denied_cents";
const CONNECTIONS: usize = 20;

/// An environment variable that every peer gets.
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}"))
}

#[derive(Clone)]
pub struct Database {
    pub pool: Pool,
    providers: Arc<Vec<Value>>,
}

impl Database {
    pub fn open() -> Self {
        let size = PoolOpts::default()
            .with_constraints(PoolConstraints::new(0, CONNECTIONS).expect("a size"));
        let options: Opts = OptsBuilder::default()
            .ip_or_hostname(setting("DB_HOST"))
            .tcp_port(setting("DB_PORT").parse().expect("a port"))
            .user(Some(setting("DB_USER")))
            .db_name(Some(setting("DB_NAME")))
            .prefer_socket(false)
            .pool_opts(size)
            .into();
        let providers = setting("PROVIDERS").split(',').map(Value::from).collect();
        Database {
            pool: Pool::new(options),
            providers: Arc::new(providers),
        }
    }

    pub async fn claim(&self, id: &str) -> Result<Option<Claim>, Error> {
        let sql = format!(
            "SELECT {CLAIM} FROM claims WHERE id = ? AND provider_cnes IN ({})",
            marks(self.providers.len())
        );
        let rows = self
            .rows(sql, [vec![Value::from(id)], self.seen()].concat())
            .await?;
        Ok(rows.into_iter().next().map(claim))
    }

    pub async fn claims(&self, first: usize, after: Option<&str>) -> Result<Vec<Claim>, Error> {
        let mut values = self.seen();
        let mut place = "";
        if let Some(cursor) = after {
            let (created, id): (String, String) =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor)?)?;
            place = " AND created_at >= ? AND (created_at > ? OR id > ?)";
            values.extend([
                Value::from(&created),
                Value::from(&created),
                Value::from(id),
            ]);
        }
        values.push(Value::from(first.min(100)));
        let seen = marks(self.providers.len());
        let order = "ORDER BY created_at, id LIMIT ?";
        let sql =
            format!("SELECT {CLAIM} FROM claims WHERE provider_cnes IN ({seen}){place} {order}");
        Ok(self
            .rows(sql, values)
            .await?
            .into_iter()
            .map(claim)
            .collect())
    }

    fn seen(&self) -> Vec<Value> {
        self.providers.to_vec()
    }

    /// The rows of a relation: the condition on the keys comes before that on the providers.
    async fn related(&self, keys: &[String], sql: String) -> Result<Vec<Row>, Error> {
        let keys = keys.iter().map(Value::from).collect();
        self.rows(sql, [keys, self.seen()].concat()).await
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        let mut connection = self.pool.get_conn().await?;
        Ok(connection.exec(sql, Params::Positional(values)).await?)
    }
}

/// So many placeholders.
pub fn marks(number: usize) -> String {
    vec!["?"; number].join(", ")
}

fn claim(row: Row) -> Claim {
    let (id, kind, status, number, day, created, claimed, approved, denied): (
        String,
        _,
        _,
        _,
        _,
        _,
        _,
        Option<i64>,
        Option<i64>,
    ) = mysql_async::from_row(row);
    Claim {
        id: id.into(),
        r#type: kind,
        status,
        provider_claim_number: number,
        service_date: date(day),
        created_at: moment(created),
        claimed_amount: Some(Money(claimed)),
        approved_amount: approved.map(Money),
        denied_amount: denied.map(Money),
    }
}

pub struct ItemsOfClaims(pub Database);

impl Loader<String> for ItemsOfClaims {
    type Value = Vec<Item>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[String]) -> Result<HashMap<String, Vec<Item>>, Arc<Error>> {
        let sql = format!(
            "SELECT i.claim_id, i.sequence, i.code, i.description, i.quantity, i.unit_price_cents, i.total_cents
            FROM claim_items i JOIN claims c ON c.id = i.claim_id
            WHERE i.claim_id IN ({}) AND c.provider_cnes IN ({}) ORDER BY i.claim_id, i.sequence",
            marks(keys.len()),
            marks(self.0.providers.len()),
        );
        let mut groups: HashMap<String, Vec<Item>> = HashMap::with_capacity(keys.len());
        for row in self.0.related(keys, sql).await.map_err(Arc::new)? {
            let (claim_id, sequence, code, description, quantity, unit_price, total) =
                mysql_async::from_row(row);
            let (unit_price, total_amount) = (Some(Money(unit_price)), Some(Money(total)));
            let item = Item {
                sequence,
                code,
                description,
                quantity: Quantity(quantity),
                unit_price,
                total_amount,
            };
            groups.entry(claim_id).or_default().push(item);
        }
        Ok(groups)
    }
}

pub struct InvoicesOfClaims(pub Database);

impl Loader<String> for InvoicesOfClaims {
    type Value = Invoice;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[String]) -> Result<HashMap<String, Invoice>, Arc<Error>> {
        let sql = format!(
            "SELECT l.billed_claim_id, v.id, v.number, v.status, v.total_cents - v.settled_cents
            FROM invoice_lines l JOIN invoices v ON v.id = l.invoice_id
            WHERE l.billed_claim_id IN ({}) AND v.provider_cnes IN ({})",
            marks(keys.len()),
            marks(self.0.providers.len()),
        );
        let rows = self.0.related(keys, sql).await.map_err(Arc::new)?;
        let found = rows.into_iter().map(|row| {
            let (claim_id, id, number, status, due): (String, String, _, _, _) =
                mysql_async::from_row(row);
            (
                claim_id,
                Invoice {
                    id: id.into(),
                    number,
                    status,
                    due_amount: Some(Money(due)),
                },
            )
        });
        Ok(found.collect())
    }
}
