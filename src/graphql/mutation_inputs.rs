//! What mutations are given.

use async_graphql::{ID, InputObject, MaybeUndefined, OneofObject};

use super::enums::{ComponentMode, CompositionName, Gender, NeighbourhoodRole};
use super::inputs::key;
use super::participant_filter::ParticipantFilter;
use super::postal_address_input::{PostalAddressInput, put_postal_address};
use super::scalars::Date;
use super::text::{Line, Prose};
use crate::check::given;
use crate::error::Error;
use crate::groups::Settings;
use crate::id::Kind;
use crate::people::commands::Patch;
use crate::people::filter::ParticipantFilter as Filter;
use crate::people::{Details, ParticipantKind};

/// Writes a field of the input over a stored one, unless it was left out.
fn put<T: Clone>(stored: &mut Option<T>, wanted: &MaybeUndefined<T>) {
    match wanted {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *stored = None,
        MaybeUndefined::Value(value) => *stored = Some(value.clone()),
    }
}

pub fn put_text<T: Clone + Into<String>>(stored: &mut Option<String>, wanted: &MaybeUndefined<T>) {
    match wanted {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *stored = None,
        MaybeUndefined::Value(text) => *stored = given(Some(text.clone())),
    }
}

fn put_date(stored: &mut Option<chrono::NaiveDate>, wanted: &MaybeUndefined<Date>) {
    match wanted {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *stored = None,
        MaybeUndefined::Value(date) => *stored = Some(date.0),
    }
}

/// The key behind an optional reference.
fn reference(kind: Kind, id: &MaybeUndefined<ID>, name: &str) -> Result<MaybeUndefined<i64>, Error> {
    Ok(match id {
        MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        MaybeUndefined::Null => MaybeUndefined::Null,
        MaybeUndefined::Value(id) => MaybeUndefined::Value(key(kind, id, name)?),
    })
}

/// The settings of a group. What is left out stays as it is, or as new groups have it. Null empties what can be empty.
#[derive(InputObject, Clone, Debug)]
pub struct GroupSettingsInput {
    /// The key of the group in another system.
    external_id: MaybeUndefined<Line>,
    /// The name, at most 200 characters.
    name: Option<Line>,
    /// Information about the group, at most 10,000 characters.
    description: MaybeUndefined<Prose>,
    /// The category.
    category_id: MaybeUndefined<ID>,
    /// The participant who is responsible: a person or an organization.
    responsible_id: MaybeUndefined<ID>,
    /// The filter that computes the members. It makes the group dynamic: without components and memberships.
    member_filter: MaybeUndefined<ParticipantFilter>,
    /// When the group starts.
    start_date: MaybeUndefined<Date>,
    /// When the group is done.
    completed_on: MaybeUndefined<Date>,
    /// Whether the portal shows the group.
    visible_on_portal: Option<bool>,
    /// Whether the group is shown with the contact details of its members.
    visible_with_contact: Option<bool>,
    /// Whether members may change their membership on the portal.
    changeable_on_portal: Option<bool>,
    /// The text of the e-mail to a new member; null for no e-mail. A first line `Subject: …` holds the subject. In place of
    /// `{{ displayName }}`, `{{ givenName }}`, `{{ groupName }}`, `{{ organizationName }}` and `{{ startDate }}` stands what is
    /// recorded when the e-mail is sent.
    new_member_template: MaybeUndefined<Prose>,
    /// The part that the group plays in the neighbourhood approach.
    neighbourhood_role: MaybeUndefined<NeighbourhoodRole>,
    /// Whether people may join and leave by themselves.
    subscription_group: Option<bool>,
    /// Only members of this group may join by themselves. Leaving is open to every member.
    restricted_to_id: MaybeUndefined<ID>,
    /// The group whose members are to be members here as well.
    source_group_id: MaybeUndefined<ID>,
    /// Whether everyone registered at an address that is a member is to be a member as well.
    via_home_address: Option<bool>,
    /// Whether joins and leaves are counted for the dashboard.
    analytics_group: Option<bool>,
    /// Whether members owe dues.
    contribution_group: Option<bool>,
    /// Whether the group serves to send mail to; going to disappear.
    mail_group: Option<bool>,
    /// Whether members may see each other's names.
    member_directory: Option<bool>,
    /// The school year that this is the year group of, 1 to 8.
    year_group: MaybeUndefined<i32>,
}

impl GroupSettingsInput {
    /// What to do to the stored settings.
    ///
    /// # Errors
    /// `BadInput` when an identifier is of another kind; `Rejected` for conditions of the filter that say nothing.
    pub fn patch(self) -> Result<Patch<Settings>, Error> {
        let category = reference(Kind::GroupCategory, &self.category_id, "categoryId")?;
        let responsible = reference(Kind::Participant, &self.responsible_id, "responsibleId")?;
        let restricted_to = reference(Kind::Group, &self.restricted_to_id, "restrictedToId")?;
        let source = reference(Kind::Group, &self.source_group_id, "sourceGroupId")?;
        let filter: MaybeUndefined<Filter> = match self.member_filter.clone() {
            MaybeUndefined::Undefined => MaybeUndefined::Undefined,
            MaybeUndefined::Null => MaybeUndefined::Null,
            MaybeUndefined::Value(filter) => MaybeUndefined::Value(filter.meant("input.memberFilter")?),
        };
        Ok(Box::new(move |settings| {
            put(&mut settings.category_id, &category);
            put(&mut settings.responsible_id, &responsible);
            put(&mut settings.restricted_to_id, &restricted_to);
            put(&mut settings.source_group_id, &source);
            put(&mut settings.member_filter, &filter);
            self.put_values(settings);
            self.put_flags(settings);
        }))
    }

    fn put_values(&self, settings: &mut Settings) {
        put_text(&mut settings.external_id, &self.external_id);
        if let Some(name) = &self.name {
            settings.name = name.clone().into();
        }
        put_text(&mut settings.description, &self.description);
        put_date(&mut settings.start_date, &self.start_date);
        put_date(&mut settings.completed_on, &self.completed_on);
        put_text(&mut settings.new_member_template, &self.new_member_template);
        match self.neighbourhood_role {
            MaybeUndefined::Undefined => {}
            MaybeUndefined::Null => settings.neighbourhood_role = None,
            MaybeUndefined::Value(role) => settings.neighbourhood_role = Some(role.into()),
        }
        put(&mut settings.year_group, &self.year_group);
    }

    fn put_flags(&self, settings: &mut Settings) {
        for (stored, wanted) in [
            (&mut settings.visible_on_portal, self.visible_on_portal),
            (&mut settings.visible_with_contact, self.visible_with_contact),
            (&mut settings.changeable_on_portal, self.changeable_on_portal),
            (&mut settings.subscription_group, self.subscription_group),
            (&mut settings.via_home_address, self.via_home_address),
            (&mut settings.analytics_group, self.analytics_group),
            (&mut settings.contribution_group, self.contribution_group),
            (&mut settings.mail_group, self.mail_group),
            (&mut settings.member_directory, self.member_directory),
        ] {
            *stored = wanted.unwrap_or(*stored);
        }
    }
}

/// A group to be made.
#[derive(InputObject, Clone, Debug)]
pub struct CreateGroupInput {
    /// Its settings; `name` must be given.
    pub settings: GroupSettingsInput,
    /// The organization that is to own it. May be left out by whoever administers only one.
    pub organization_id: Option<ID>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A group to be changed.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateGroupInput {
    /// The group.
    pub group_id: ID,
    /// The settings to change.
    pub settings: GroupSettingsInput,
    /// The organization to hand the group to.
    pub organization_id: Option<ID>,
    /// Change nothing and answer what would happen, to memberships that follow from the settings too.
    #[graphql(default)]
    pub dry_run: bool,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A group to be closed, opened or deleted.
#[derive(InputObject, Clone, Debug)]
pub struct GroupInput {
    /// The group.
    pub group_id: ID,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A component of a composite.
#[derive(InputObject, Clone, Debug)]
pub struct GroupComponentInput {
    /// The group that is to be a component.
    pub group_id: ID,
    /// What it does to the composite.
    #[graphql(default_with = "ComponentMode::Include")]
    pub mode: ComponentMode,
}

/// What a group is to be made of.
#[derive(InputObject, Clone, Debug)]
pub struct SetGroupComponentsInput {
    /// The group.
    pub group_id: ID,
    /// How the included components combine; as it is when absent.
    pub composition: Option<CompositionName>,
    /// All components, in order; an empty list makes the group a static one.
    pub components: Vec<GroupComponentInput>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// An e-mail to be tried again.
#[derive(InputObject, Clone, Debug)]
pub struct RetryOutboxMessageInput {
    /// The e-mail.
    pub message_id: ID,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A person. What is left out stays as it is, and null empties it, but for `shielded`. A given name or a family name must stay.
#[derive(InputObject, Clone, Debug)]
pub struct PersonInput {
    /// The given name.
    given_name: MaybeUndefined<Line>,
    /// The prefix of the family name, such as "van den".
    name_prefix: MaybeUndefined<Line>,
    /// The family name without its prefix.
    family_name: MaybeUndefined<Line>,
    /// The date of birth; it is not to come.
    birth_date: MaybeUndefined<Date>,
    /// The gender.
    gender: MaybeUndefined<Gender>,
    /// One e-mail address, such as ans@example.org.
    email: MaybeUndefined<Line>,
    /// One telephone number: digits, with spaces, hyphens, dots, slashes and brackets, and perhaps an extension.
    phone: MaybeUndefined<Line>,
    /// Where mail goes; null empties all of it.
    postal_address: MaybeUndefined<PostalAddressInput>,
    /// Whether the address and the contacts of the person are told to nobody but those who administer the organization that
    /// keeps the record and the person.
    shielded: Option<bool>,
}

/// An organization. What is left out stays as it is, and null empties it, but for `enforcePortalSettings`. A name must stay.
#[derive(InputObject, Clone, Debug)]
pub struct OrganizationInput {
    /// The name.
    name: MaybeUndefined<Line>,
    /// One e-mail address, such as ans@example.org.
    email: MaybeUndefined<Line>,
    /// One telephone number: digits, with spaces, hyphens, dots, slashes and brackets, and perhaps an extension.
    phone: MaybeUndefined<Line>,
    /// Where mail goes; null empties all of it.
    postal_address: MaybeUndefined<PostalAddressInput>,
    /// Whether the organization keeps to the portal settings of its groups: then a closed group takes no new members,
    /// and only a group that is visible and changeable on the portal can be joined or left by oneself.
    enforce_portal_settings: Option<bool>,
}

/// An address. What is left out stays as it is, and null empties it. A house number must stay, and a street or a postal code.
#[derive(InputObject, Clone, Debug)]
pub struct AddressInput {
    /// The street.
    street: MaybeUndefined<Line>,
    /// The house number with its addition.
    house_number: MaybeUndefined<Line>,
    /// The postal code.
    postal_code: MaybeUndefined<Line>,
    /// The city.
    city: MaybeUndefined<Line>,
    /// The number of the complex that the dwelling belongs to.
    complex_number: MaybeUndefined<Line>,
    /// The type of dwelling.
    dwelling_type: MaybeUndefined<Line>,
}

/// What is recorded of a participant: exactly one of the kinds.
#[derive(OneofObject, Clone, Debug)]
pub enum ParticipantDetailsInput {
    /// The participant is a person.
    Person(PersonInput),
    /// The participant is an organization.
    Organization(OrganizationInput),
    /// The participant is an address.
    Address(AddressInput),
}

impl ParticipantDetailsInput {
    /// Which kind it describes.
    pub fn kind(&self) -> ParticipantKind {
        match self {
            Self::Person(_) => ParticipantKind::Person,
            Self::Organization(_) => ParticipantKind::Organization,
            Self::Address(_) => ParticipantKind::Address,
        }
    }

    /// Writes the given fields over stored ones.
    pub fn put(&self, details: &mut Details) {
        match self {
            Self::Person(person) => {
                put_text(&mut details.given_name, &person.given_name);
                put_text(&mut details.name_prefix, &person.name_prefix);
                put_text(&mut details.family_name, &person.family_name);
                put_date(&mut details.birth_date, &person.birth_date);
                match person.gender {
                    MaybeUndefined::Undefined => {}
                    MaybeUndefined::Null => details.gender = None,
                    MaybeUndefined::Value(gender) => details.gender = Some(gender.into()),
                }
                put_text(&mut details.email, &person.email);
                put_text(&mut details.phone, &person.phone);
                put_postal_address(details, &person.postal_address);
                details.shielded = person.shielded.unwrap_or(details.shielded);
            }
            Self::Organization(organization) => {
                put_text(&mut details.name, &organization.name);
                put_text(&mut details.email, &organization.email);
                put_text(&mut details.phone, &organization.phone);
                put_postal_address(details, &organization.postal_address);
                details.enforce_portal_settings =
                    organization.enforce_portal_settings.unwrap_or(details.enforce_portal_settings);
            }
            Self::Address(address) => {
                put_text(&mut details.street, &address.street);
                put_text(&mut details.house_number, &address.house_number);
                put_text(&mut details.postal_code, &address.postal_code);
                put_text(&mut details.city, &address.city);
                put_text(&mut details.complex_number, &address.complex_number);
                put_text(&mut details.dwelling_type, &address.dwelling_type);
            }
        }
    }
}

/// A participant to be registered.
#[derive(InputObject, Clone, Debug)]
pub struct CreateParticipantInput {
    /// What is recorded.
    pub details: ParticipantDetailsInput,
    /// The key of the participant in another system.
    pub external_id: Option<Line>,
    /// The organization that is to keep the record. May be left out by whoever administers only one.
    pub organization_id: Option<ID>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A participant to be changed.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateParticipantInput {
    /// The participant.
    pub participant_id: ID,
    /// What to change; it must be of the participant's own kind.
    pub details: Option<ParticipantDetailsInput>,
    /// The key of the participant in another system; null removes it.
    pub external_id: MaybeUndefined<Line>,
    /// The organization to hand the record to.
    pub organization_id: Option<ID>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

impl UpdateParticipantInput {
    /// What to do to the stored participant.
    ///
    /// # Errors
    /// `BadInput` when an identifier is of another kind.
    pub fn patch(self) -> Result<Patch<Details>, Error> {
        let organization =
            self.organization_id.as_ref().map(|id| key(Kind::Participant, id, "organizationId")).transpose()?;
        Ok(Box::new(move |details| {
            put_text(&mut details.external_id, &self.external_id);
            details.organization_id = organization.or(details.organization_id);
            if let Some(given) = &self.details {
                given.put(details);
            }
        }))
    }
}

/// A registration at an address.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterResidencyInput {
    /// The person or organization.
    pub participant_id: ID,
    /// The address.
    pub address_id: ID,
    /// The first day; today when absent.
    pub start_date: Option<Date>,
    /// The first day on which it is no longer in force, if that is known.
    pub end_date: Option<Date>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A registration at an address to be ended.
#[derive(InputObject, Clone, Debug)]
pub struct EndResidencyInput {
    /// The registration.
    pub residency_id: ID,
    /// The first day on which it is no longer in force; today when absent.
    pub end_date: Option<Date>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A group category to be made.
#[derive(InputObject, Clone, Debug)]
pub struct CreateGroupCategoryInput {
    /// The name, which no other category has.
    pub name: Line,
    /// The key of the category in another system.
    pub external_id: Option<Line>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A group category to be renamed.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateGroupCategoryInput {
    /// The category.
    pub group_category_id: ID,
    /// The name, which no other category has.
    pub name: Line,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A group category to be deleted.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteGroupCategoryInput {
    /// The category.
    pub group_category_id: ID,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A start or end reason to be made.
#[derive(InputObject, Clone, Debug)]
pub struct CreateReasonInput {
    /// The code: capitals, digits and underscores, at most 50. It cannot be changed later.
    pub code: Line,
    /// What people read.
    pub label: Line,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A start or end reason to be changed. A field that is left out stays as it is.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateReasonInput {
    /// The reason.
    pub reason_id: ID,
    /// What people read.
    pub label: Option<Line>,
    /// Whether it is no longer offered.
    pub retired: Option<bool>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A start or end reason to be deleted.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteReasonInput {
    /// The reason.
    pub reason_id: ID,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}
