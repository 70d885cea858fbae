// Choosing a picture by drop, paste or file: shows it with its measured size and says whether it fits.
// The preview is drawn on a canvas, so that a strict content security policy needs no exception.
const NAMES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
    "image/tiff": "TIFF",
    "image/heic": "HEIC",
};
// Verdicts that nothing stands in the way of.
const GOOD = ["fits", "fixed"];

async function hasAlpha(file) {
    if (file.type !== "image/png") return false;
    const bytes = new Uint8Array(await file.slice(0, 26).arrayBuffer());
    return bytes[25] === 4 || bytes[25] === 6;
}

// Whether an alpha channel is used: the server drops one that nothing shows through.
function isSeenThrough(canvas) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return true;
    return false;
}

function scaled(width, height, high) {
    const most = Math.max(width, height);
    if (!high || most <= high) return [width, height];
    return [width, height].map((side) => Math.floor((2 * side * high + most) / (2 * most)));
}

const isOneOf = (types, file) => types.split(",").includes(file.type);

function judge(zone, file, width, height, alpha, isTransparent) {
    const limits = zone.dataset;
    const [low, high] = [Number(limits.minSide), Number(limits.maxSide)];
    const isConverted = isOneOf(limits.convertible, file);
    if (!isConverted && !isOneOf(limits.formats, file)) return "wrongFormat";
    if (isTransparent) return "transparent";
    const isLarge = Boolean(high) && Math.max(width, height) > high;
    if (low && Math.min(...scaled(width, height, high)) < low) return isLarge ? "tooLong" : "tooSmall";
    return isConverted || isLarge || alpha || file.size > Number(limits.maxBytes) ? "fixed" : "fits";
}

function words(zone, verdict, facts, [width, height]) {
    return zone.dataset[verdict]
        .replace("%(facts)s", facts)
        .replace("%(sent)s", `${width} × ${height}`)
        .replace("%(min)s", zone.dataset.minSide)
        .replace("%(max)s", zone.dataset.maxSide);
}

function draw(canvas, picture) {
    const scale = Math.min(1, 960 / picture.width, 544 / picture.height);
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0, canvas.width, canvas.height);
}

function setUp(zone) {
    const input = zone.querySelector("input[type=file]");
    const present = zone.querySelector(".wv-drop-picture img");
    const canvas = zone.querySelector("canvas");
    const name = zone.querySelector(".wv-drop-name");
    const fit = zone.querySelector(".wv-drop-fit");
    const remove = zone.querySelector("[data-wanvideo-remove]");
    const kept = zone.closest("form").querySelector(`[name="${input.name.replace(/_file$/, "_kept")}"]`);
    const before = { name: name.textContent, fit: fit.textContent, filled: zone.classList.contains("is-filled") };
    let turn = 0;

    const tell = (text, verdict) => {
        fit.textContent = text;
        fit.classList.toggle("is-good", GOOD.includes(verdict));
        const isBad = Boolean(verdict) && !GOOD.includes(verdict);
        for (const part of [fit, zone]) part.classList.toggle("is-failed", isBad);
    };

    const back = () => {
        canvas.hidden = true;
        if (present) present.hidden = false;
        name.textContent = before.name;
        tell(before.fit, "");
        zone.classList.toggle("is-filled", before.filled);
        remove.hidden = !(before.filled && kept?.value);
    };

    const show = async () => {
        const file = input.files[0];
        const mine = ++turn;
        if (!file) return back();
        name.textContent = file.name;
        zone.classList.add("is-filled");
        if (present) present.hidden = true;
        remove.hidden = false;
        const heavy = file.size >= 1e6;
        const weight = heavy ? `${(file.size / 1e6).toFixed(1)}\u00a0MB` : `${Math.ceil(file.size / 1000)}\u00a0kB`;
        try {
            const [picture, alpha] = await Promise.all([createImageBitmap(file), hasAlpha(file)]);
            if (mine !== turn) return picture.close();
            const facts = `${picture.width} × ${picture.height} px · ${NAMES[file.type] || file.type} · ${weight}`;
            draw(canvas, picture);
            const isTransparent = alpha && isSeenThrough(canvas);
            const verdict = judge(zone, file, picture.width, picture.height, alpha, isTransparent);
            const sent = scaled(picture.width, picture.height, Number(zone.dataset.maxSide));
            canvas.hidden = false;
            picture.close();
            tell(words(zone, verdict, facts, sent), verdict);
        } catch {
            if (mine !== turn) return;
            canvas.hidden = true;
            // Browsers show fewer kinds than the server reads.
            if (isOneOf(zone.dataset.convertible, file)) tell(zone.dataset.unseen, "");
            else tell(zone.dataset.unreadable, "unreadable");
        }
    };

    const take = (files) => {
        if (!files?.length) return false;
        const one = new DataTransfer();
        one.items.add(files[0]);
        input.files = one.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
        return true;
    };

    zone.classList.add("is-live");
    remove.hidden = !(before.filled && kept?.value);
    input.addEventListener("change", show);
    remove.addEventListener("click", () => {
        if (!input.files.length && kept) {
            kept.value = "";
            before.filled = false;
        }
        input.value = "";
        input.dispatchEvent(new Event("change", { bubbles: true }));
        input.focus();
    });
    zone.addEventListener("dragover", (event) => {
        event.preventDefault();
        zone.classList.add("is-over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
    zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("is-over");
        take(event.dataTransfer.files);
    });
    if (input.files.length) show();
    // Back chooses the file again without a word.
    addEventListener("pageshow", () => {
        if (input.files.length && canvas.hidden) show();
    });
    return { zone, take };
}

const found = () => [...document.querySelectorAll("[data-wanvideo-drop]")].map(setUp);
let places = found();
document.addEventListener("wanvideo:swapped", () => {
    places = found();
});

// A pasted picture goes where the focus is, else to the first place that is empty, else to the only one there is.
document.addEventListener("paste", (event) => {
    const isText = event.clipboardData?.types.includes("text/plain");
    // Spreadsheets and browsers give a picture of the words along with the words.
    if (isText && event.target.closest?.("textarea, input:not([type=file])")) return;
    const place =
        places.find(({ zone }) => zone.contains(document.activeElement)) ||
        places.find(({ zone }) => !zone.classList.contains("is-filled")) ||
        (places.length === 1 ? places[0] : null);
    if (place?.take(event.clipboardData?.files)) event.preventDefault();
});
