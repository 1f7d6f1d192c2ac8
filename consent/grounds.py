"""The words of a privacy request's steps: lists, for what is written freely may hold a personal value."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Kind(TextChoices):
    """What a person may ask for."""

    ACCESS = "access", _("access")
    RECTIFICATION = "rectification", _("rectification")
    ERASURE = "erasure", _("erasure")
    RESTRICTION = "restriction", _("restriction")
    PORTABILITY = "portability", _("portability")
    OBJECTION = "objection", _("objection")
    EXPLANATION = "explanation", _("explanation")


class Door(TextChoices):
    """By which way a request came in."""

    CONSOLE = "console", pgettext_lazy("door of a request", "console")
    API = "api", pgettext_lazy("door of a request", "REST")
    PERSON = "person", pgettext_lazy("door of a request", "the person's own page")


class Proof(TextChoices):
    """How it was made sure that a request is the person's own."""

    CODE = "code", _("a code sent to an address of theirs")
    DOCUMENT = "document", _("an identity document was seen")
    ACCOUNT = "account", _("signed in to their account")
    CALL = "call", _("called back at a number of theirs")
    AGENT = "agent", _("an agent with a power of attorney")


class ExtensionGround(TextChoices):
    """Why an answer needs longer (GDPR article 12(3), CCPA §1798.130, PIPA decree §43)."""

    COMPLEX = "complex", _("The request is complex")
    MANY = "many", _("There are many requests of the same person")
    THIRD_PARTY = "third_party", _("Somebody else must be heard or asked first")
    UNVERIFIED = "unverified", _("It takes longer to make sure who asks")


class RefusalGround(TextChoices):
    """Why a request is refused (PIPA §35(4), §36(1), §37(2); GDPR articles 11, 12(5), 17(3))."""

    NOT_VERIFIED = "not_verified", _("It could not be made sure who asks")
    NO_DATA = "no_data", _("Nothing is held about the person")
    STATUTE = "statute", _("A statute orders the data to be kept")
    LEGAL_HOLD = "legal_hold", _("The data is needed for a legal claim")
    CONTRACT = "contract", _("A contract cannot be kept without the data")
    OTHERS = "others", _("It would harm the rights of others")
    UNFOUNDED = "unfounded", _("The request is manifestly unfounded or repeated")
    WITHDRAWN = "withdrawn", _("The person took the request back")


class Given(TextChoices):
    """How a person was told, where the product has no address to tell them itself."""

    LETTER = "letter", _("by letter")
    EMAIL = "email", _("by e-mail")
    CALL = "call", _("by telephone")
    SPOKEN = "spoken", _("in person")


class HoldReason(TextChoices):
    """Why data must not be destroyed."""

    CLAIM = "claim", _("A legal claim")
    AUTHORITY = "authority", _("An order of an authority")
    INQUIRY = "inquiry", _("An inquiry of our own")


class Told(TextChoices):
    """What a person is told about their request."""

    RECEIVED = "received", pgettext_lazy("notice to a person", "received")
    EXTENDED = "extended", pgettext_lazy("notice to a person", "extended")
    REFUSED = "refused", pgettext_lazy("notice to a person", "refused")
    DONE = "done", pgettext_lazy("notice to a person", "done")
