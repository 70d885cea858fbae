// A field that a video is chosen for: opens the list in a popup and shows what was chosen there.
// The select stays what the form sends; without this module it is what one chooses from.

// As Django numbers its popups, so that one can open another.
function popupName(id) {
    const isPopup = document.getElementsByName("_popup").length > 0;
    const index = isPopup ? Number(window.name.slice(window.name.lastIndexOf("__") + 2)) || 0 : 0;
    return `${id}__${index + 1}`;
}

const part = (chooser, name) => chooser.querySelector(`[data-part="${name}"]`);

function poster(chooser, video) {
    const link = document.createElement(video.url ? "a" : "span");
    link.className = "wv-poster";
    link.dataset.part = "poster";
    link.tabIndex = -1;
    link.setAttribute("aria-hidden", "true");
    link.hidden = !video.id;
    if (video.url) link.href = video.url;
    if (video.poster) {
        const image = new Image(192, 108);
        image.src = video.poster;
        image.alt = "";
        link.append(image);
    }
    if (video.length) {
        const length = document.createElement("span");
        length.className = "wv-over at-bottom-end";
        length.textContent = video.length;
        link.append(length);
    }
    part(chooser, "poster").replaceWith(link);
}

function title(chooser, video) {
    const place = part(chooser, "title");
    if (!video.id) return (place.textContent = place.dataset.empty);
    const words = document.createElement("span");
    words.className = "wv-clip";
    words.dir = "auto";
    words.textContent = video.title || video.id;
    const link = document.createElement(video.url ? "a" : "span");
    if (video.url) link.href = video.url;
    link.append(words);
    place.replaceChildren(link);
}

// `video` has id, title, line, poster, length and url; an empty id takes the video away.
function choose(chooser, video) {
    const select = chooser.querySelector("select");
    if (video.id && ![...select.options].some((option) => option.value === video.id)) {
        select.add(new Option(video.title || video.id, video.id));
    }
    select.value = video.id;
    poster(chooser, video);
    title(chooser, video);
    part(chooser, "line").textContent = video.line || "";
    part(chooser, "note")?.remove();
    chooser.querySelector(".wv-chooser").classList.toggle("is-empty", !video.id);
    const [button, remove, said] = [chooser.querySelector("[data-choose]"), chooser.querySelector("[data-remove]"), part(chooser, "said")];
    if (button) button.textContent = video.id ? button.dataset.change : button.dataset.first;
    if (remove) remove.hidden = !video.id;
    for (const use of chooser.querySelectorAll("[data-use]")) use.closest(".wv-chooser-made").hidden = use.dataset.use === video.id;
    said.textContent = video.id ? said.dataset.chosen.replace("%(title)s", video.title || video.id) : said.dataset.removed;
    select.dispatchEvent(new Event("change", { bubbles: true }));
}

function open(chooser, link) {
    const popup = window.open(link.href, popupName(chooser.querySelector("input[data-chosen-id]").id), "width=1024,height=768,resizable=yes,scrollbars=yes");
    // Where popups are forbidden the list opens in a tab of its own, which is as good.
    popup?.focus();
}

function setUp(chooser) {
    const select = chooser.querySelector("select");
    if (chooser.classList.contains("is-live") || !chooser.querySelector("[data-choose]") || select.id.includes("__prefix__")) return;
    // What the popup writes to: by an event of ours, or as Django's own popups do, into its value.
    const inbox = document.createElement("input");
    inbox.type = "hidden";
    inbox.id = `${select.id}_chosen`;
    inbox.dataset.chosenId = "";
    inbox.addEventListener("wanvideo:chosen", (event) => choose(chooser, event.detail));
    globalThis.django?.jQuery?.(inbox).on("change", () => choose(chooser, { id: inbox.value }));
    chooser.append(inbox);
    chooser.classList.add("is-live");
}

document.addEventListener("click", (event) => {
    const chooser = event.target.closest?.("[data-wanvideo-chooser].is-live");
    if (!chooser) return;
    const link = event.target.closest("[data-choose]");
    const use = event.target.closest("[data-use]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        open(chooser, link);
    } else if (event.target.closest("[data-remove]")) {
        choose(chooser, { id: "" });
        chooser.querySelector("[data-choose]").focus();
    } else if (use) {
        const { title, line, poster, length, url } = use.dataset;
        choose(chooser, { id: use.dataset.use, title, line, poster, length, url });
        chooser.querySelector("[data-choose]").focus();
    }
});

// A row that was added to an inline.
document.addEventListener("formset:added", (event) => {
    for (const chooser of event.target.querySelectorAll("[data-wanvideo-chooser]")) setUp(chooser);
});

for (const chooser of document.querySelectorAll("[data-wanvideo-chooser]")) setUp(chooser);
