"""Builds what the doctor asks."""

from typing import TYPE_CHECKING

from application.ports.client_check import ClientCheck
from application.ports.identity_provider import IdentityProvider
from application.ports.readiness import Readiness
from application.ports.seal_keys import SealKeys
from application.ports.secret_source import SecretSource
from application.ports.vital_signs import VitalSigns
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeys
from domain.login_attempt import LoginSecrets
from entrypoints.settings import Settings

if TYPE_CHECKING:
    # Imported on use, because a server has no need of it.
    from entrypoints.doctor.examination import Patient


def patient(
    settings: Settings,
    *,
    provider: IdentityProvider,
    client_check: ClientCheck,
    readiness: Readiness,
    vital_signs: VitalSigns,
    seal_keys: SealKeys,
    rewrap_data_keys: RewrapDataKeys,
    secrets: SecretSource,
) -> "Patient":
    """The configured service, as the doctor examines it."""
    from entrypoints import storage  # noqa: PLC0415
    from entrypoints.doctor.examination import Patient  # noqa: PLC0415

    database_url = settings.database_url
    prepared = settings.database_prepared_statements
    return Patient(
        settings=settings,
        # Not partial(), whose repr shows its arguments.
        pending_migrations=lambda: storage.pending_migrations(
            database_url.reveal(), prepared_statements=prepared
        ),
        connection_faults=lambda: storage.connection_faults(
            database_url.reveal(), prepared_statements=prepared
        ),
        failing=readiness.failing,
        vital_signs=vital_signs.read,
        rights=vital_signs.rights,
        oldest_passed_by=vital_signs.oldest_passed_by,
        seal_keys=seal_keys,
        keys_under_older=rewrap_data_keys.count,
        # No browser goes to this URL. Building it needs the provider's metadata.
        ask_provider=lambda: provider.authorization_url(
            LoginSecrets(state=secrets.token(), browser=secrets.token())
        ),
        check_client=client_check.check,
    )
