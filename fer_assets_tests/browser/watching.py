"""A browser page that is listened to, and checks that hold for every screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
_NAMED_ROLES = {
    "button", "link", "checkbox", "radio", "textbox", "combobox", "image", "progressbar",
    "DisclosureTriangle", "radiogroup", "listbox", "slider", "dialog",
}  # fmt: skip
_FOCUSABLE = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")].filter(
  (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && !(e.type === "radio" && !e.checked && document.querySelector(
      `input[name="${CSS.escape(e.name)}"]:checked`))).length"""


@dataclass
class Watch:
    """A page and what went wrong on it.

    Attributes:
        page: Playwright's page.
        complaints: console errors, script errors and policy violations.
        expected: statuses of refusals that a test provokes: the browser's word on them is no
            complaint.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def status_of(self, url: str) -> int:
        """Status of an address, asked for with this browser's cookies but outside the page."""
        return int(self.page.context.request.get(url).status)

    def check_screen(self) -> None:
        """Nothing to scroll sideways, a name on every control, pictures there, one heading."""
        width, wide = self.page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
        assert wide <= width, f"{self.page.url} is {wide} px wide on {width}"
        assert nameless(self.page) == []
        assert self.page.locator("h1").count() == 1
        assert self.page.locator("html").get_attribute("lang")
        assert self.page.title()
        broken = self.page.evaluate(
            "[...document.images].filter((i) => i.complete && !i.naturalWidth).length"
        )
        assert broken == 0

    def check_focus(self) -> None:
        """Tab reaches every control in the order of the page, each with a visible ring."""
        page = self.page
        page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges()")
        count = page.evaluate(_FOCUSABLE)
        seen = []
        for _ in range(count):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("""() => {
                const e = document.activeElement, all = [...document.querySelectorAll("*")];
                const s = [e, ...e.querySelectorAll("*"),
                    e.nextElementSibling || e].map((one) => getComputedStyle(one));
                return [all.indexOf(e), s.some((one) => one.outlineStyle !== "none")];
            }""")
            )
        places = [place for place, _ in seen]
        assert places == sorted(places), "focus jumps"
        assert len(set(places)) == count, f"Tab reaches {len(set(places))} of {count}"
        assert all(ringed for _, ringed in seen), "a control without a ring"


def nameless(page: Page) -> list[str]:
    """Roles of the controls that a screen reader has no name for."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    found = []
    for node in nodes:
        role = node.get("role", {}).get("value")
        is_named = bool(node.get("name", {}).get("value", "").strip())
        if role in _NAMED_ROLES and not node["ignored"] and not is_named:
            found.append(role)
    return found


def watched(context: BrowserContext) -> Watch:
    """A new page of the context that is listened to."""
    context.add_init_script(_REPORT_VIOLATIONS)
    page = context.new_page()
    watch = Watch(page)

    def heard(kind: str, text: str) -> None:
        is_refusal = "Failed to load resource" in text
        if kind in {"error", "warning"} and not (
            is_refusal and any(str(status) in text for status in watch.expected)
        ):
            watch.complaints.append(f"{kind}: {text}")

    page.on("console", lambda message: heard(message.type, message.text))

    def failed(error: object) -> None:
        # The browser says so when the next page is asked for before the last one has faded in.
        if str(error) != "Transition was skipped":
            watch.complaints.append(f"script: {error}")

    page.on("pageerror", failed)
    return watch
