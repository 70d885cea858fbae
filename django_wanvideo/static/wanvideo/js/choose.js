// The popup in which a video is chosen for something else: hands it to the page that opened the popup.
const form = document.querySelector("[data-wanvideo-choices]")?.closest("form");

function hand(radio) {
    const { title, line, poster, length, url } = radio.dataset;
    const inbox = opener.document.getElementById(window.name.replace(/__\d+$/, ""));
    if (inbox?.dataset.chosenId === undefined) return opener.dismissRelatedLookupPopup(window, radio.value);
    inbox.dispatchEvent(new opener.CustomEvent("wanvideo:chosen", { detail: { id: radio.value, title, line, poster, length, url } }));
    window.close();
}

form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const radio = form.querySelector("[name=video]:checked");
    if (radio && window.opener) hand(radio);
});

// A tick beside the search takes effect at once.
document.addEventListener("change", (event) => {
    if (event.target.matches("[data-wanvideo-tick]")) event.target.form.requestSubmit();
});

document.addEventListener("click", (event) => {
    if (event.target.closest("[data-wanvideo-close]")) window.close();
});

form?.classList.add("is-live");
