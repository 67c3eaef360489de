# SPDX-License-Identifier: Apache-2.0
"""How OpenStack's own client is told to log in, and its errors in words. Importing it loads that client."""

import logging
import ssl
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from openstack.config.loader import OpenStackConfig
from openstack.exceptions import ConfigException
from requests.exceptions import RequestException

from netsonde.errors import SourceLost
from netsonde.openstack.bounded import BoundedAdapter
from netsonde.openstack.cloud import LoginRefused
from netsonde.openstack.settings import CloudSettings

if TYPE_CHECKING:
    from keystoneauth1.session import Session

# What it warns of is the state of the cloud, which is told once; what it tells besides has tokens in it.
logging.getLogger("keystoneauth").setLevel(logging.ERROR)


def open_session(settings: CloudSettings) -> tuple["Session", Adapter]:
    """Return a session that logs in when it is used, and again when its token ends; and what asks Neutron."""
    region = _region(settings)
    session = region.get_session()
    session.timeout = settings.timeout
    # No proxies and no ~/.netrc of whoever starts the analyzer.
    session.session.trust_env = False
    if session.verify is True:
        session.verify = _trusted()
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, BoundedAdapter(settings.timeout))
    network = Adapter(
        session,
        service_type=region.get_service_type("network"),
        interface=region.get_interface("network"),
        region_name=region.get_region_name("network"),
    )
    # This logs in, since the catalogue says where Neutron is: most write the address without the version.
    address = (region.get_endpoint("network") or network.get_endpoint() or "").rstrip("/")
    if not address:
        raise SourceLost(f"the catalogue of {_where(settings)} has no Neutron: check region and interface")
    network.endpoint_override = address if address.endswith("/v2.0") else f"{address}/v2.0"
    return session, network


def _trusted() -> str | bool:
    """Return where this machine has the certificates that it trusts; `requests` would use a list of its own."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _region(settings: CloudSettings) -> Any:
    extra: dict[str, Any] = {}
    if settings.region:
        extra["region_name"] = settings.region
    if settings.interface:
        extra["interface"] = settings.interface
    if settings.ca is not None:
        extra["cacert"] = str(settings.ca)
    if settings.cloud:
        files = None if settings.clouds_file is None else [str(settings.clouds_file)]
        return OpenStackConfig(config_files=files, load_envvars=False).get_one(settings.cloud, **extra)
    login = {
        "auth_url": settings.auth_url,
        "username": settings.username,
        "password": _password(settings),
        "project_name": settings.project,
        "user_domain_name": settings.user_domain,
        "project_domain_name": settings.project_domain,
    }
    bare = OpenStackConfig(load_yaml_config=False, load_envvars=False)
    return bare.get_one(auth_type="password", auth=login, **extra)


def _password(settings: CloudSettings) -> str:
    if settings.password_file is None:
        return settings.password
    try:
        lines = settings.password_file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as bad:
        raise SourceLost(f"cannot read password_file {settings.password_file}: {bad}") from bad
    return lines[0].strip() if lines else ""


def explained(failed: Exception, settings: CloudSettings) -> SourceLost:
    """Return what went wrong and what to do, for an error of the client; what is none of its is raised again."""
    where = _where(settings)
    if isinstance(failed, exceptions.Unauthorized | exceptions.AuthorizationFailure):
        who = settings.username or "the account"
        return LoginRefused(f"{where} refuses {who}: check its password, and that it has a role in the project")
    if isinstance(failed, exceptions.CatalogException):
        return SourceLost(f"the catalogue of {where} has no such Neutron: check region and interface ({failed})")
    if isinstance(failed, exceptions.SSLError):
        return SourceLost(f"the certificate of {where} is not trusted: set ca ({failed})")
    if isinstance(failed, ConfigException):
        return SourceLost(f"clouds.yaml does not say how to log in to {settings.cloud}: {failed}")
    if isinstance(failed, exceptions.ClientException | RequestException | OSError):
        return SourceLost(f"{where} does not answer: {failed}")
    raise failed


def _where(settings: CloudSettings) -> str:
    return settings.auth_url or f"the cloud {settings.cloud} of clouds.yaml"
