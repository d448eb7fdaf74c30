pub struct Mutation;
#[async_graphql::Object]
impl Mutation {
    async fn x(&self) -> bool { true }
}
