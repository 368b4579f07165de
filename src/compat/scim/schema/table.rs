//! The attributes themselves.

use super::{Attribute, Fold, Mutability, Size, Type};

/// The attributes of every resource, which no schema document lists.
pub static COMMON: &[Attribute] = &[
    of(Type::Text, "id", "The resource's id, given by the server.")
        .read_only()
        .required(),
    of(Type::Text, "externalId", "The resource's id at the client.").short(),
    of(Type::Reference, "schemas", "The URNs of the schemas of this resource.")
        .read_only()
        .many()
        .hidden(),
    of(Type::Complex, "meta", "What the server knows about the resource.")
        .read_only()
        .with(META),
];

const META: &[Attribute] = &[
    of(Type::Text, "resourceType", "The kind of the resource.").read_only(),
    of(Type::Time, "created", "When the resource was created.").read_only(),
    of(Type::Time, "lastModified", "When the resource was last changed.").read_only(),
    of(Type::Reference, "location", "The URI of the resource.")
        .read_only()
        .hidden(),
    of(
        Type::Text,
        "version",
        "The version of the resource, as in the header 'ETag'.",
    )
    .read_only()
    .hidden(),
];

/// The attributes of users.
pub static USER_ATTRIBUTES: &[Attribute] = &[
    of(
        Type::Text,
        "userName",
        "The name of the user, unique in the organization without regard to case.",
    )
    .short()
    .required()
    .unique()
    .folded(Fold::Address),
    of(Type::Complex, "name", "The parts of the user's name.").with(NAME),
    of(Type::Text, "displayName", "The name to show.").short(),
    of(Type::Text, "nickName", "What people call the user."),
    of(Type::Reference, "profileUrl", "A page about the user.").refers(&["external"]),
    of(Type::Text, "title", "The user's title, such as 'Vice President'."),
    of(
        Type::Text,
        "userType",
        "The user's relation to the organization, such as 'Contractor'.",
    ),
    of(
        Type::Text,
        "preferredLanguage",
        "The user's preferred languages, as in the header 'Accept-Language'.",
    ),
    of(
        Type::Text,
        "locale",
        "The user's language and region for numbers and dates, such as 'en-US'.",
    ),
    of(Type::Text, "timezone", "The user's time zone, such as 'Europe/Berlin'."),
    of(
        Type::Boolean,
        "active",
        "Whether the user can sign in and takes a seat.",
    )
    .required(),
    of(Type::Text, "password", "A new password. It is never returned.").write_only(),
    of(
        Type::Complex,
        "emails",
        "The user's email addresses; the primary one is the account's.",
    )
    .many()
    .with(EMAILS),
    of(Type::Complex, "phoneNumbers", "The user's phone numbers.")
        .many()
        .with(PHONE_NUMBERS),
    of(Type::Complex, "ims", "The user's addresses for instant messages.")
        .many()
        .with(IMS),
    of(Type::Complex, "photos", "Pictures of the user.").many().with(PHOTOS),
    of(Type::Complex, "addresses", "The user's postal addresses.")
        .many()
        .with(ADDRESSES),
    of(
        Type::Complex,
        "groups",
        "The groups that the user is a member of; changed through the groups.",
    )
    .read_only()
    .many()
    .with(GROUPS),
    of(
        Type::Complex,
        "entitlements",
        "What the user is entitled to at the client; it has no effect here.",
    )
    .many()
    .with(ENTITLEMENTS),
    of(Type::Complex, "roles", "The user's roles; given by groups.")
        .read_only()
        .many()
        .hidden()
        .with(ROLES),
    of(Type::Complex, "x509Certificates", "The user's certificates.")
        .many()
        .hidden()
        .with(CERTIFICATES),
];

const NAME: &[Attribute] = &[
    of(Type::Text, "formatted", "The whole name, as it is written."),
    of(Type::Text, "familyName", "The family name.").short(),
    of(Type::Text, "givenName", "The given name.").short(),
    of(Type::Text, "middleName", "The middle names."),
    of(
        Type::Text,
        "honorificPrefix",
        "What is written before the name, such as 'Ms.'.",
    ),
    of(
        Type::Text,
        "honorificSuffix",
        "What is written after the name, such as 'III'.",
    ),
];

const EMAILS: &[Attribute] = &[
    of(Type::Text, "value", "The address.").folded(Fold::Address),
    DISPLAY,
    of(Type::Text, "type", "What the address is for.").one_of(&["work", "home", "other"]),
    PRIMARY,
];

const PHONE_NUMBERS: &[Attribute] = &[
    of(Type::Text, "value", "The phone number."),
    DISPLAY,
    of(Type::Text, "type", "What the number is for.").one_of(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];

const IMS: &[Attribute] = &[
    of(Type::Text, "value", "The address."),
    DISPLAY,
    of(Type::Text, "type", "The service.").one_of(&["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]),
    PRIMARY,
];

const PHOTOS: &[Attribute] = &[
    of(Type::Reference, "value", "The URI of the picture.").refers(&["external"]),
    DISPLAY,
    of(Type::Text, "type", "The size of the picture.").one_of(&["photo", "thumbnail"]),
    PRIMARY,
];

const ADDRESSES: &[Attribute] = &[
    of(Type::Text, "formatted", "The whole address, with line breaks."),
    of(
        Type::Text,
        "streetAddress",
        "Street and number, with line breaks if needed.",
    ),
    of(Type::Text, "locality", "The city."),
    of(Type::Text, "region", "The state or region."),
    of(Type::Text, "postalCode", "The postal code."),
    of(Type::Text, "country", "The country, by its code of two letters."),
    of(Type::Text, "type", "What the address is for.").one_of(&["work", "home", "other"]),
    PRIMARY,
];

const GROUPS: &[Attribute] = &[
    of(Type::Text, "value", "The id of the group.").read_only(),
    of(Type::Reference, "$ref", "The URI of the group.")
        .read_only()
        .hidden()
        .refers(&["User", "Group"]),
    of(Type::Text, "display", "The name of the group.").read_only().hidden(),
    of(
        Type::Text,
        "type",
        "Always 'direct': the user is a member of the group itself.",
    )
    .read_only()
    .hidden()
    .one_of(&["direct"]),
];

const ENTITLEMENTS: &[Attribute] = &[
    of(Type::Text, "value", "The entitlement."),
    DISPLAY,
    of(Type::Text, "type", "What the entitlement is for."),
    PRIMARY,
];

const ROLES: &[Attribute] = &[
    of(Type::Text, "value", "The name of the role.").read_only().hidden(),
    of(
        Type::Text,
        "type",
        "Whether the role was given to the user, or to a group of the user.",
    )
    .read_only()
    .hidden()
    .one_of(&["direct", "indirect"]),
];

const CERTIFICATES: &[Attribute] = &[
    of(Type::Binary, "value", "The certificate, in DER and Base64.")
        .sized(Size::Certificate)
        .hidden(),
    DISPLAY.hidden(),
    of(Type::Text, "type", "What the certificate is for.").hidden(),
    PRIMARY.hidden(),
];

const DISPLAY: Attribute = of(Type::Text, "display", "The value as it is shown to people.");
const PRIMARY: Attribute = of(
    Type::Boolean,
    "primary",
    "Whether this is the preferred value; at most one is.",
);

/// The attributes of groups.
pub static GROUP_ATTRIBUTES: &[Attribute] = &[
    of(
        Type::Text,
        "displayName",
        "The name of the group, unique in the organization without regard to case.",
    )
    .short()
    .required()
    .unique()
    .folded(Fold::Lowered),
    of(Type::Complex, "members", "The users in the group.")
        .many()
        .with(MEMBERS),
];

const MEMBERS: &[Attribute] = &[
    of(Type::Text, "value", "The id of the user.").immutable(),
    of(Type::Reference, "$ref", "The URI of the user.")
        .immutable()
        .hidden()
        .refers(&["User"]),
    of(Type::Text, "type", "Always 'User': members are users.")
        .immutable()
        .hidden()
        .one_of(&["User"]),
    of(Type::Text, "display", "The name of the user.").read_only().hidden(),
];

/// The attributes of the enterprise extension.
pub static ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    of(Type::Text, "employeeNumber", "The number or code of the employee."),
    of(Type::Text, "costCenter", "The cost center."),
    of(Type::Text, "organization", "The organization that the user works for."),
    of(Type::Text, "division", "The division."),
    of(Type::Text, "department", "The department."),
    of(Type::Complex, "manager", "The user's manager.").with(MANAGER),
];

const MANAGER: &[Attribute] = &[
    of(Type::Text, "value", "The id of the manager."),
    of(
        Type::Reference,
        "$ref",
        "The URI of the manager, if it is a user of the organization.",
    )
    .read_only()
    .hidden()
    .refers(&["User"]),
    of(
        Type::Text,
        "displayName",
        "The name of the manager, if it is a user of the organization.",
    )
    .read_only()
    .hidden(),
];

/// An attribute that clients may write, with one optional value of up to 2,000 characters.
const fn of(kind: Type, name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind,
        description,
        multi_valued: false,
        required: false,
        fold: Fold::Exact,
        mutability: Mutability::ReadWrite,
        unique: false,
        filterable: true,
        size: Size::Long,
        canonical: &[],
        references: &[],
        subs: &[],
    }
}

impl Attribute {
    const fn many(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    const fn folded(mut self, fold: Fold) -> Self {
        self.fold = fold;
        self
    }

    const fn read_only(mut self) -> Self {
        self.mutability = Mutability::ReadOnly;
        self
    }

    const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    const fn write_only(mut self) -> Self {
        self.mutability = Mutability::WriteOnly;
        self.filterable = false;
        self
    }

    /// Queries cannot filter by it.
    const fn hidden(mut self) -> Self {
        self.filterable = false;
        self
    }

    const fn short(self) -> Self {
        self.sized(Size::Short)
    }

    const fn sized(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    const fn one_of(mut self, canonical: &'static [&'static str]) -> Self {
        self.canonical = canonical;
        self
    }

    const fn refers(mut self, references: &'static [&'static str]) -> Self {
        self.references = references;
        self
    }

    const fn with(mut self, subs: &'static [Attribute]) -> Self {
        self.subs = subs;
        self
    }
}
