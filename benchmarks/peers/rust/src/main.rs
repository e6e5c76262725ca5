//! async-graphql as its documentation shows it: axum, data loaders, mysql_async.
mod create;
mod database;
mod schema;
mod values;

use async_graphql::dataloader::DataLoader;
use async_graphql::{EmptySubscription, Schema};
use async_graphql_axum::GraphQL;
use axum::{Router, routing::post_service};

use database::{Database, InvoicesOfClaims, ItemsOfClaims, setting};

#[tokio::main]
async fn main() {
    let database = Database::open();
    let schema = Schema::build(schema::Query, schema::Mutation, EmptySubscription)
        .data(DataLoader::new(
            ItemsOfClaims(database.clone()),
            tokio::spawn,
        ))
        .data(DataLoader::new(
            InvoicesOfClaims(database.clone()),
            tokio::spawn,
        ))
        .data(database)
        .finish();
    let app = Router::new().route("/graphql", post_service(GraphQL::new(schema)));
    let address = format!("127.0.0.1:{}", setting("PORT"));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .expect("a free port");
    axum::serve(listener, app).await.expect("a server");
}
