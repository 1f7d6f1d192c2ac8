"""What an access package calls the things it holds, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# In the order in which a person reads them.
SECTIONS = {
    "made_at": _("When this was put together"),
    "golden": _("What we hold to be true of you, and where it comes from"),
    "traits": _("What we worked out from it"),
    "past_traits": _("What that was before"),
    "contact_points": _("Where you can be reached"),
    "records": _("What each of our systems says about you"),
    "events": _("What you did"),
    "consents_now": _("What you agreed to, as it stands"),
    "consents": _("What you agreed to and refused, line by line"),
    "opt_outs": _("Opt-outs that name a number or address of yours"),
    "receipts": _("The receipts of your consents"),
    "memberships": _("Groups of customers that you are in"),
    "transitions": _("Groups that you came into or left, and why"),
    "assignments": _("Which part of a comparison of groups you were drawn into"),
    "lists": _("Lists that we were given and that you are on"),
    "sent": _("To whom you were named as one of such a group"),
    "uses": _("Which purposes used which data of yours"),
    "readings": _("Who looked at your data, and what for"),
    "purposes": _("What we use personal data for"),
    "household_hints": _("What hints at people who may live with you"),
    "groups": _("What you belong to"),
    "born_in_month_of": _("Months of birth, where we met you as a minor"),
    "requests": _("Your privacy requests"),
}
WORDS: Mapping[str, Any] = {
    "attribute": _("What"), "value": _("Value"), "source": _("Source"), "source__name": _("Source"), "at": _("When"),
    "why": _("Why"), "name": _("Name"), "name_ko": _("Name in Korean"), "name_en": _("Name in English"),
    "full_name": _("Full name"), "given_name": _("Given name"), "family_name": _("Family name"), "email": _("Email"),
    "phone": _("Phone"), "birth_date": _("Birth date"), "gender": _("Gender"), "address": _("Address"),
    "city": _("City"), "region": _("Region"), "postcode": _("Postcode"), "country": _("Country"),
    "external_id": _("Id in that system"), "identifiers": _("Identifiers"), "values": _("Values"), "kind": _("Kind"),
    "traits": _("Traits"), "trait": _("Trait"), "record": _("Record"), "occurred_at": _("When"),
    "received_at": _("Received"), "properties": _("Details"), "personal": _("Personal details"), "type": _("Type"),
    "purpose": _("Purpose"), "channel": _("Contact channel"), "brand": _("Brand"), "state": _("State"),
    "basis": _("Legal basis"), "given_at": _("Given"), "expires_at": _("Expires"), "since": _("Since"),
    "method": _("How"), "notice_version": _("Version of the notice"), "notice_language": _("Language of the notice"),
    "proof": _("Proof"), "recipient": _("Recipient"), "segment": _("Group of customers"), "entered_at": _("Entered"),
    "reason": _("Why"), "data": _("Data"), "data_classes": _("Data classes"), "what": _("What"), "by": _("By whom"),
    "usable": _("Usable"), "valid_from": _("Valid from"), "valid_to": _("Valid to"), "shared": _("What is shared"),
    "regime": _("Law"), "due_on": _("Due"), "closed_at": _("Closed"), "session": _("Session"), "place": _("Place"),
    "campaign": _("Campaign"), "order_id": _("Order"), "currency": _("Currency"), "revenue": _("Revenue"),
    "fields": _("Fields"), "rule": _("The rule, in words"),
    "role": _("Role"), "id": _("Number"), "variant": _("Part"), "list": _("List"),
    "came_from": _("Where it came from"), "kept_until": _("Kept until"),
    "by=user": pgettext_lazy("who looked", "one of our staff"), "by=key": pgettext_lazy("who looked", "one of our tools"),
    "by=system": pgettext_lazy("who looked", "our system"),
    "inside": _("Named still"), "role=processor": pgettext_lazy("of data", "processor"),
    "role=recipient": pgettext_lazy("of data", "recipient"),
    "state=granted": _("granted"), "state=withdrawn": _("withdrawn"), "state=refused": _("refused"),
}  # fmt: skip


def word(words: Mapping[str, Any], name: str) -> str:
    """The word for `name`; one that nobody thought of stands for itself."""
    return str(words.get(name, name.replace("_", " ")))
