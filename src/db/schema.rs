//! The tables as Diesel knows them; `migrations/` is where they are made.

diesel::table! {
    participants (id) {
        id -> BigInt,
        external_id -> Nullable<Text>,
        kind -> Text,
        given_name -> Nullable<Text>,
        name_prefix -> Nullable<Text>,
        family_name -> Nullable<Text>,
        name -> Nullable<Text>,
        birth_date -> Nullable<Date>,
        gender -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        street -> Nullable<Text>,
        house_number -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        city -> Nullable<Text>,
        country -> Nullable<Text>,
        complex_number -> Nullable<Text>,
        dwelling_type -> Nullable<Text>,
        organization_id -> Nullable<BigInt>,
        enforce_portal_settings -> Bool,
        shielded -> Bool,
        display_name -> Text,
        sort_key -> Text,
        search_text -> Text,
        email_key -> Nullable<Text>,
        postal_key -> Nullable<Text>,
        city_key -> Nullable<Text>,
        complex_key -> Nullable<Text>,
        dwelling_key -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    residencies (id) {
        id -> BigInt,
        participant_id -> BigInt,
        address_id -> BigInt,
        start_date -> Date,
        end_date -> Nullable<Date>,
    }
}

diesel::table! {
    group_categories (id) {
        id -> BigInt,
        external_id -> Nullable<Text>,
        name -> Text,
        sort_key -> Text,
    }
}

diesel::table! {
    groups (id) {
        id -> BigInt,
        external_id -> Nullable<Text>,
        name -> Text,
        sort_key -> Text,
        search_text -> Text,
        description -> Nullable<Text>,
        category_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        responsible_id -> Nullable<BigInt>,
        composition -> Text,
        member_filter -> Nullable<Text>,
        start_date -> Nullable<Date>,
        completed_on -> Nullable<Date>,
        closed -> Bool,
        visible_on_portal -> Bool,
        visible_with_contact -> Bool,
        changeable_on_portal -> Bool,
        new_member_template -> Nullable<Text>,
        neighbourhood_role -> Nullable<Text>,
        subscription_group -> Bool,
        restricted_to_id -> Nullable<BigInt>,
        source_group_id -> Nullable<BigInt>,
        via_home_address -> Bool,
        analytics_group -> Bool,
        contribution_group -> Bool,
        mail_group -> Bool,
        member_directory -> Bool,
        year_group -> Nullable<Integer>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    group_components (composite_id, component_id) {
        composite_id -> BigInt,
        component_id -> BigInt,
        mode -> Text,
        position -> Integer,
    }
}

diesel::table! {
    memberships (id) {
        id -> BigInt,
        group_id -> BigInt,
        participant_id -> BigInt,
        member_key -> Text,
        start_date -> Date,
        start_reason_id -> BigInt,
        end_date -> Nullable<Date>,
        end_reason_id -> Nullable<BigInt>,
        end_note -> Nullable<Text>,
        role -> Text,
        origin -> Text,
        annulled_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    history (id) {
        id -> BigInt,
        at -> Timestamp,
        actor_id -> Nullable<BigInt>,
        actor_name -> Text,
        action -> Text,
        entity -> Text,
        entity_id -> BigInt,
        changes -> Text,
        source -> Nullable<Text>,
    }
}
