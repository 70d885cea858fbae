// Counts the characters of a prompt while it is typed: code points of the text as the server keeps it (catalog/text.py).
const WITHOUT_EFFECT = /[\u200b\u2060\ufeff]/g;
const BLANK = "[\\t\\n\\v\\f\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const ENDS = new RegExp(`^${BLANK}|${BLANK}$`, "g");

const length = (text) => [...text.replace(WITHOUT_EFFECT, "").replace(/\r\n?/g, "\n").replace(ENDS, "")].length;

function setUp() {
    for (const count of document.querySelectorAll("[data-wanvideo-count]")) {
        const area = document.getElementById(count.dataset.wanvideoCount);
        const shown = count.querySelector("[data-wanvideo-length]");
        if (!area || !shown) continue;
        const show = () => {
            const characters = length(area.value);
            shown.textContent = String(characters);
            count.classList.toggle("is-failed", characters > Number(count.dataset.limit));
        };
        area.addEventListener("input", show);
        // Back and forward fill the form in again after this module has run.
        window.addEventListener("pageshow", show);
        show();
    }
}

setUp();
document.addEventListener("wanvideo:swapped", setUp);
