//! The feed with its reasons, pages in both directions, and what is told while connected.

use super::*;

impl Built {
    /// The cursors of the feed of the administrator, who sees everything.
    pub fn cursors(&self) -> Value {
        let token = self.token(&viewers()[0]);
        let query = "{ viewer { feed(first: 20) { edges { cursor node { id } } } } }";
        self.ask(token.as_deref(), query, json!({}))["viewer"]["feed"]["edges"].take()
    }

    /// The feed, why each item is in it, and the feed from positions of others' items on.
    pub fn check_feed(&self, plan: &Plan, view: &View<'_>, token: Option<&str>, cursors: &Value) {
        let cursors: Vec<(String, usize)> = cursors
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| {
                (text(&edge["cursor"]), self.items.iter().position(|id| edge["node"]["id"] == json!(id)).unwrap())
            })
            .collect();
        let list = "totalCount edges { node { id } }";
        let foreign = cursors.iter().enumerate().map(|(n, (cursor, _))| match n % 2 {
            0 => format!("x{n}: feed(first: 20, after: \"{cursor}\") {{ {list} }} "),
            _ => format!("x{n}: feed(last: 20, before: \"{cursor}\") {{ {list} }} "),
        });
        let foreign: String = foreign.collect();
        let query = format!(
            "{{ viewer {{ feed(first: 20) {{ totalCount edges {{ via {{ audience participant {{ id }} groups {{ id }} }} node {{ id }} }} }} \
             some: feed(last: 20, kinds: [PAGE, DOSSIER]) {{ {list} }} counted: feed(first: 1) {{ totalCount }} {foreign} }} }}"
        );
        let found = self.ask(token, &query, json!({}))["viewer"].take();
        let mut expected: Vec<usize> =
            (0..ITEMS).filter(|n| plan.items[*n].state() == State::Published && view.sees(&plan.items[*n])).collect();
        newest_first(plan, &mut expected);
        self.same(&found["feed"], &expected, &format!("feed of {:?}", view.viewer));
        assert_eq!(found["counted"]["totalCount"], json!(expected.len()));
        for (edge, n) in found["feed"]["edges"].as_array().unwrap().iter().zip(&expected) {
            let mut via: Vec<Value> = view.paths(&plan.items[*n]).iter().map(|path| self.written(path)).collect();
            let mut told = edge["via"].as_array().unwrap().clone();
            via.sort_by_key(Value::to_string);
            told.sort_by_key(Value::to_string);
            assert_eq!(told, via, "why {:?} sees item {n}", view.viewer);
            self.count(1);
        }
        let pages: Vec<usize> = expected.iter().copied().filter(|n| [1, 4].contains(&plan.items[*n].kind)).collect();
        self.same(&found["some"], &pages, &format!("feed of kinds of {:?}", view.viewer));
        for (n, (_, at)) in cursors.iter().enumerate() {
            let place = |n: usize| std::cmp::Reverse((plan.items[n].minute, n));
            let on_this_side =
                |other: &usize| if n % 2 == 0 { place(*other) > place(*at) } else { place(*other) < place(*at) };
            let rest: Vec<usize> = expected.iter().copied().filter(on_this_side).collect();
            let page = &found[format!("x{n}")];
            let ids: Vec<&Value> = page["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]["id"]).collect();
            assert_eq!(json!(ids), json!(self.ids(&rest)), "feed of {:?} beside item {at}", view.viewer);
            assert_eq!(page["totalCount"], json!(expected.len()));
            self.count(1);
        }
    }

    fn written(&self, (audience, who, groups): &Path) -> Value {
        let groups: Vec<Value> = groups.iter().map(|group| json!({ "id": self.groups[*group] })).collect();
        json!({ "audience": audience, "participant": who.map(|who| json!({ "id": self.participants[who] })), "groups": groups })
    }

    /// Small pages put together are the whole list, forward and backward.
    pub fn check_pages(&self, plan: &Plan, view: &View<'_>, token: Option<&str>) {
        let mut feed: Vec<usize> =
            (0..ITEMS).filter(|n| plan.items[*n].state() == State::Published && view.sees(&plan.items[*n])).collect();
        newest_first(plan, &mut feed);
        let mut titles: Vec<usize> = (0..ITEMS).filter(|n| view.sees(&plan.items[*n])).collect();
        titles.sort_by_key(|n| (plan.items[*n].title, *n));
        for forward in [true, false] {
            let (size, cursor) = if forward { ("first: 4", "after") } else { ("last: 4", "before") };
            let list = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } }";
            let query = format!(
                "query($a: String, $b: String) {{ viewer {{ feed({size}, {cursor}: $a) {{ {list} }} }} \
                 contents({size}, {cursor}: $b, orderBy: {{ field: TITLE }}) {{ {list} }} }}"
            );
            let (mut at, mut found) = ([Value::Null, Value::Null], [Vec::new(), Vec::new()]);
            let mut more = [true, true];
            while more != [false, false] {
                let answer = self.ask(token, &query, json!({ "a": at[0], "b": at[1] }));
                for (n, page) in [&answer["viewer"]["feed"], &answer["contents"]].into_iter().enumerate() {
                    if !more[n] {
                        continue;
                    }
                    let edges = page["edges"].as_array().unwrap();
                    let ids: Vec<String> = edges.iter().map(|edge| text(&edge["node"]["id"])).collect();
                    let info = &page["pageInfo"];
                    if forward {
                        found[n].extend(ids);
                    } else {
                        found[n].splice(0..0, ids);
                    }
                    more[n] = info[if forward { "hasNextPage" } else { "hasPreviousPage" }] == true;
                    at[n] = info[if forward { "endCursor" } else { "startCursor" }].clone();
                }
            }
            assert_eq!(found, [self.ids(&feed), self.ids(&titles)], "pages of {:?}", view.viewer);
            self.count(2 * ITEMS);
        }
    }

    /// What is told while connected: of every change, those who see it and nobody else.
    pub fn follow(&self, plan: &Plan, rules: &Rules<'_>) {
        let served = Served::world(&self.world);
        let signed: Vec<Viewer> = viewers().into_iter().filter(|viewer| *viewer != Viewer::default()).collect();
        let mut clients: Vec<Client> = signed
            .iter()
            .map(|viewer| {
                let mut client = Client::signed(&served, &self.token(viewer).unwrap());
                client.subscribe("a", "subscription { contentChanged { change contentId content { id } } }", json!({}));
                client
            })
            .collect();
        until("subscriptions", || gauge(&self.world, "subscriptions") == i64::try_from(clients.len()).unwrap());
        let published: Vec<usize> = (0..ITEMS).filter(|n| plan.items[*n].state() == State::Published).collect();
        for n in &published {
            let item = &plan.items[*n];
            let mut fields = json!({ "title": "Nieuwe titel" });
            match item.kind {
                0 | 1 => fields["body"] = json!("x"),
                2 => fields["startsAt"] = json!("2026-09-16T00:00:00Z"),
                _ => {}
            }
            let input = json!({ "contentId": self.items[*n], "content": { item.kind().0: fields } });
            self.world.done("updateContent", "content { id }", input);
        }
        let last = self.mark();
        self.heard(&mut clients, &signed, &last, |viewer| {
            let view = rules.of(viewer);
            let seen = published.iter().filter(|n| view.sees(&plan.items[**n]));
            seen.map(
                |n| json!({ "change": "UPDATED", "contentId": self.items[*n], "content": { "id": self.items[*n] } }),
            )
            .collect()
        });
        for n in &published {
            self.world.done("withdrawContent", "content { id }", json!({ "contentId": self.items[*n] }));
        }
        let last = self.mark();
        self.heard(&mut clients, &signed, &last, |viewer| {
            let view = rules.of(viewer);
            let told = |n: &usize| {
                let left = view.manages_withdrawn(&plan.items[*n]).then(|| json!({ "id": self.items[*n] }));
                json!({ "change": "WITHDRAWN", "contentId": self.items[*n], "content": left })
            };
            published.iter().filter(|n| view.sees(&plan.items[**n])).map(told).collect()
        });
    }

    /// Shows everybody something new, and answers with its identifier.
    fn mark(&self) -> String {
        let page = json!({ "page": { "title": "Voor allen", "body": "x" } });
        let id = text(&self.world.done("createContent", "content { id }", page)["content"]["id"]);
        let input = json!({ "contentId": id, "availability": { "everyone": true } });
        self.world.done("publishContent", "content { id }", input);
        id
    }

    /// Compares what each hears until something is shown to everybody with what they must hear.
    fn heard(&self, clients: &mut [Client], viewers: &[Viewer], last: &str, expected: impl Fn(&Viewer) -> Vec<Value>) {
        for (client, viewer) in clients.iter_mut().zip(viewers) {
            let mut heard = Vec::new();
            loop {
                let change = client.hear()["payload"]["data"]["contentChanged"].take();
                if change["contentId"] == last {
                    break;
                }
                heard.push(change);
            }
            assert_eq!(heard, expected(viewer), "what {viewer:?} hears");
            self.count(ITEMS);
        }
    }
}
