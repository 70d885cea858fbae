// What was refused comes first: the summary gets the focus, so that it is read and the fields follow it.
const note = document.querySelector(".errornote, [data-wanvideo-notice]");

function focus() {
    note.tabIndex = -1;
    note.focus();
}

if (note && document.readyState === "complete") {
    focus();
} else if (note) {
    // Only then has the admin's own script, which loads when it likes, put the focus into the first field.
    window.addEventListener("load", focus, { once: true });
}
