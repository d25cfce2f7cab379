"""How to let each system and program trust the certificate of the local authority, and go through the proxy.

The page of the proxy and the window show these texts; there is no other copy of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.protocol.headers import place_text

PEM_NAME = "unmask-ca.pem"
DER_NAME = "unmask-ca.crt"
P12_NAME = "unmask-ca.p12"


@dataclass(frozen=True, slots=True)
class GuidePlaces:
    """What the steps name."""

    proxy_host: str
    """Where the proxy is reached: an address without brackets, or a name."""
    proxy_port: int
    authority: str
    """The common name of the authority."""
    page: str = "http://unmask.local"
    """Where the proxy offers the certificate."""
    has_credentials: bool = False
    """Whether the proxy demands a user name and a password."""

    @property
    def place(self) -> str:
        return place_text(self.proxy_host, self.proxy_port)

    @property
    def url(self) -> str:
        """The proxy, as programs want it to be written."""
        return f"http://{'USER:PASSWORD@' if self.has_credentials else ''}{self.place}"


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing to do."""

    text: str
    """A sentence or two, plain text."""
    lines: tuple[str, ...] = ()
    """Lines to copy, which belong together."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What to do on one system, or in one program."""

    key: str
    """`linux`, `firefox` and the like."""
    title: str
    steps: tuple[GuideStep, ...]
    undo: tuple[GuideStep, ...] = ()
    """How to take it all back; nothing where it lasts for one run."""


def certificate_guides(places: GuidePlaces) -> tuple[Guide, ...]:
    """All guides, systems first."""
    makers = (_linux, _macos, _windows, _android, _ios, _firefox, _java, _node, _python, _curl)
    return tuple(maker(places) for maker in makers)


def _guide(key: str, title: str, steps: Sequence[GuideStep], undo: Sequence[GuideStep] = ()) -> Guide:
    return Guide(key, title, tuple(steps), tuple(undo))


def _linux(places: GuidePlaces) -> Guide:
    certutil = 'certutil -d sql:"$HOME/.pki/nssdb"'
    name = f'-n "{places.authority}"'
    return _guide(
        "linux",
        "Linux",
        [
            GuideStep(f"Download {PEM_NAME}."),
            GuideStep(
                "For all programs that use the system's certificates, on Debian and Ubuntu:",
                (
                    f"sudo cp {PEM_NAME} /usr/local/share/ca-certificates/unmask-ca.crt",
                    "sudo update-ca-certificates",
                ),
            ),
            GuideStep(
                "On Fedora and its relatives:",
                (
                    f"sudo cp {PEM_NAME} /etc/pki/ca-trust/source/anchors/unmask-ca.pem",
                    "sudo update-ca-trust",
                ),
            ),
            GuideStep(
                "Chromium and Chrome have a list of their own (certutil is in the package libnss3-tools or nss-tools):",
                ('mkdir -p "$HOME/.pki/nssdb"', f'{certutil} -A -t "C,," {name} -i {PEM_NAME}'),
            ),
            GuideStep(
                "Set the proxy in the system's network settings, or for programs started from a terminal:",
                (f"export http_proxy={places.url} https_proxy={places.url}",),
            ),
        ],
        [
            GuideStep(
                "Debian and Ubuntu:",
                (
                    "sudo rm /usr/local/share/ca-certificates/unmask-ca.crt",
                    "sudo update-ca-certificates --fresh",
                ),
            ),
            GuideStep(
                "Fedora:", ("sudo rm /etc/pki/ca-trust/source/anchors/unmask-ca.pem", "sudo update-ca-trust")
            ),
            GuideStep("Chromium and Chrome:", (f"{certutil} -D {name}",)),
        ],
    )


def _macos(places: GuidePlaces) -> Guide:
    keychain = "~/Library/Keychains/login.keychain-db"
    return _guide(
        "macos",
        "macOS",
        [
            GuideStep(
                f"Download {PEM_NAME}. In a terminal, in the folder of the download; macOS asks for your password:",
                (f"security add-trusted-cert -r trustRoot -k {keychain} {PEM_NAME}",),
            ),
            GuideStep(
                "Set the proxy: System Settings, Network, your connection, Details, Proxies; Web proxy and Secure web "
                f"proxy are both {places.place}."
            ),
        ],
        [
            GuideStep(
                "In a terminal; and switch the proxy off:",
                (f'security delete-certificate -t -c "{places.authority}" {keychain}',),
            )
        ],
    )


def _windows(places: GuidePlaces) -> Guide:
    return _guide(
        "windows",
        "Windows",
        [
            GuideStep(
                f"Download {DER_NAME}. In a terminal, in the folder of the download; Windows asks once more:",
                (f"certutil -user -addstore Root {DER_NAME}",),
            ),
            GuideStep(
                "Set the proxy: Settings, Network & internet, Proxy, Manual proxy setup; address "
                f"{places.proxy_host}, port {places.proxy_port}."
            ),
        ],
        [
            GuideStep(
                "In a terminal; and switch the proxy off:",
                (f'certutil -user -delstore Root "{places.authority}"',),
            )
        ],
    )


def _phone_proxy(places: GuidePlaces, where: str) -> tuple[GuideStep, ...]:
    return (
        GuideStep(
            "The proxy must listen on an address that the phone can reach, not on 127.0.0.1; Unmask asks before it "
            "does, and can demand a password."
        ),
        GuideStep(f"{where} The address is {places.proxy_host}, the port is {places.proxy_port}."),
    )


def _android(places: GuidePlaces) -> Guide:
    return _guide(
        "android",
        "Android",
        [
            *_phone_proxy(places, "Settings, Network & internet, your Wi-Fi, Edit, Proxy: Manual."),
            GuideStep(f"Open this page in the phone's browser and download {DER_NAME}.", (places.page,)),
            GuideStep(
                "Settings, Security, Encryption & credentials, Install a certificate, CA certificate; choose the "
                "download. Browsers trust it from then on."
            ),
            GuideStep(
                "Apps trust it only if they say so. In your own app, in res/xml/network_security_config.xml, which the "
                "manifest names as android:networkSecurityConfig:",
                (
                    "<network-security-config>",
                    "  <debug-overrides>",
                    '    <trust-anchors><certificates src="user"/></trust-anchors>',
                    "  </debug-overrides>",
                    "</network-security-config>",
                ),
            ),
        ],
        [
            GuideStep(
                f"Settings, Security, Encryption & credentials, User credentials: remove “{places.authority}”; and set "
                "the proxy of the Wi-Fi to None."
            )
        ],
    )


def _ios(places: GuidePlaces) -> Guide:
    return _guide(
        "ios",
        "iOS and iPadOS",
        [
            *_phone_proxy(places, "Settings, Wi-Fi, the (i) of your network, Configure Proxy: Manual."),
            GuideStep(
                f"Open this page in Safari, tap {PEM_NAME} and allow the download of the profile.",
                (places.page,),
            ),
            GuideStep("Settings, General, VPN & Device Management: install the profile."),
            GuideStep(
                f"Settings, General, About, Certificate Trust Settings: switch “{places.authority}” on. Without this "
                "step nothing trusts it."
            ),
        ],
        [
            GuideStep(
                "Settings, General, VPN & Device Management: remove the profile; and set the proxy of the Wi-Fi to Off."
            )
        ],
    )


def _firefox(places: GuidePlaces) -> Guide:
    return _guide(
        "firefox",
        "Firefox",
        [
            GuideStep(
                f"Download {PEM_NAME}. Settings, Privacy & Security, Certificates, View Certificates, Authorities, "
                "Import; tick that it may identify websites."
            ),
            GuideStep(
                "Settings, General, Network Settings, Manual proxy configuration: HTTP proxy "
                f"{places.proxy_host}, port {places.proxy_port}, also for HTTPS."
            ),
            GuideStep(
                "Firefox goes to this machine's own addresses directly. To see those too, set this to true in "
                "about:config:",
                ("network.proxy.allow_hijacking_localhost",),
            ),
        ],
        [
            GuideStep(
                f"View Certificates, Authorities: delete “{places.authority}”; Network Settings: No proxy."
            )
        ],
    )


def _java(places: GuidePlaces) -> Guide:
    proxy = " ".join(
        f"-D{scheme}.proxyHost={places.proxy_host} -D{scheme}.proxyPort={places.proxy_port}"
        for scheme in ("http", "https")
    )
    return _guide(
        "java",
        "Java",
        [
            GuideStep(
                f"For one program: download {P12_NAME}, which holds the certificate alone, without a password.",
                (
                    f"java -Djavax.net.ssl.trustStore={P12_NAME} -Djavax.net.ssl.trustStoreType=PKCS12 "
                    f"{proxy} -Dhttp.nonProxyHosts= -jar app.jar",
                ),
            ),
            GuideStep(
                f"Or for all programs of a JDK: download {PEM_NAME}.",
                (
                    f"keytool -importcert -noprompt -cacerts -storepass changeit -alias unmask -file {PEM_NAME}",
                ),
            ),
            GuideStep(
                "java.net.http.HttpClient and its WebSocket take the proxy from the properties only with this:",
                ("HttpClient.newBuilder().proxy(ProxySelector.getDefault()).build()",),
            ),
        ],
        [
            GuideStep(
                "All programs of a JDK:", ("keytool -delete -cacerts -storepass changeit -alias unmask",)
            )
        ],
    )


def _node(places: GuidePlaces) -> Guide:
    return _guide(
        "node",
        "Node.js",
        [
            GuideStep(
                f"For one run: download {PEM_NAME}. fetch and http follow the variables from Node 24 on:",
                (
                    f"NODE_EXTRA_CA_CERTS={PEM_NAME} NODE_USE_ENV_PROXY=1 HTTP_PROXY={places.url} "
                    f"HTTPS_PROXY={places.url} node app.js",
                ),
            ),
            GuideStep(
                "The package ws needs an agent, from the package https-proxy-agent:",
                (f"new WebSocket(url, {{ agent: new HttpsProxyAgent('{places.url}') }})",),
            ),
        ],
    )


def _python(places: GuidePlaces) -> Guide:
    return _guide(
        "python",
        "Python",
        [
            GuideStep(
                f"For one run: download {PEM_NAME}. The ssl module reads the first variable, requests the second:",
                (
                    f"SSL_CERT_FILE={PEM_NAME} REQUESTS_CA_BUNDLE={PEM_NAME} http_proxy={places.url} "
                    f"https_proxy={places.url} python app.py",
                ),
            ),
            GuideStep(
                "websockets takes the proxy from the same variables, or as an argument:",
                (f'connect(uri, proxy="{places.url}")',),
            ),
            GuideStep(
                "aiohttp takes it as an argument:",
                (f'session.ws_connect(url, proxy="{places.url}")',),
            ),
        ],
    )


def _curl(places: GuidePlaces) -> Guide:
    url = f"http://{places.place}"
    user = " --proxy-user USER:PASSWORD" if places.has_credentials else ""
    return _guide(
        "curl",
        "curl",
        [
            GuideStep(
                f"Download {PEM_NAME}, here with curl itself; then name it with each request:",
                (
                    f"curl --proxy {url}{user} -O {places.page}/{PEM_NAME}",
                    f"curl --proxy {url}{user} --cacert {PEM_NAME} https://example.com/",
                ),
            )
        ],
    )
