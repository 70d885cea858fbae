// Files of a batch. Pictures go to the server one a request, with progress; choosing the same ones again goes on where it
// was: what is there already is not sent a second time. A ZIP file and a table go with the form.
const form = document.querySelector("[data-wanvideo-files]");
// Milliseconds: after the last key, and before each further try.
const WAIT = 300;
const WAITS = [1000, 2000, 4000];

const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_match, name) => values[name]);
const isArchive = (file) => /\.zip$/i.test(file.name);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function megabytes(size) {
    return size >= 1e6 ? `${(size / 1e6).toFixed(1)}\u00a0MB` : `${Math.ceil(size / 1000)}\u00a0kB`;
}

async function digest(file) {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Without HTTPS a browser tells no checksums; then name and size have to do.
async function isThere(file, known) {
    const alike = known.filter((other) => other.name === file.name && other.size === file.size);
    if (!alike.length || !globalThis.crypto?.subtle) return alike.length > 0;
    const mine = await digest(file);
    return alike.some((other) => other.sha256 === mine);
}

// The price depends on these too.
function count(name, number) {
    const field = form.elements[name];
    field.value = number;
    field.dispatchEvent(new Event("change", { bubbles: true }));
}

class Stopped extends Error {}

class Pictures {
    constructor(zone) {
        this.zone = zone;
        this.input = zone.querySelector("input[type=file]");
        this.shown = zone.querySelector("[data-wanvideo-shown]");
        this.sending = zone.querySelector("[data-wanvideo-sending]");
        this.refused = zone.querySelector("[data-wanvideo-refused]");
        this.queue = [];
        this.done = 0;
        this.isBusy = false;
    }

    say(text) {
        if (!text) return;
        this.refused.hidden = false;
        this.refused.textContent = [this.refused.textContent, text].filter(Boolean).slice(-5).join(" ");
    }

    async take(files) {
        const pictures = files.filter((file) => !isArchive(file));
        const archives = new DataTransfer();
        for (const file of files.filter(isArchive)) archives.items.add(file);
        this.input.files = archives.files;
        if (archives.files.length) name(this.zone, archives.files[0]);
        if (!pictures.length) return;
        if (!this.isBusy) {
            this.refused.hidden = true;
            this.refused.textContent = "";
        }
        this.queue.push(...pictures);
        if (!this.isBusy) await this.work();
    }

    async work() {
        this.isBusy = true;
        this.done = 0;
        this.buttons(true);
        // A page that is loaded again is the same batch's.
        history.replaceState(history.state, "", `?batch=${form.elements.batch.value}`);
        try {
            const known = await this.known();
            const total = this.queue.length;
            for (let file = this.queue[0]; file; file = this.queue[0]) {
                this.progress(this.done, this.done + this.queue.length);
                if (file.size > Number(this.zone.dataset.mostBytes)) this.say(fill(this.zone.dataset.tooLarge, { name: file.name }));
                else if (!(await isThere(file, known))) await this.send(file, known);
                this.queue.shift();
                this.done += 1;
            }
            this.progress(this.done, Math.max(total, this.done));
        } catch (error) {
            if (!(error instanceof Stopped)) this.say(this.zone.dataset.failed);
            this.queue = [];
        }
        this.isBusy = false;
        this.sending.hidden = true;
        this.buttons(false);
    }

    progress(done, total) {
        const text = done < total ? this.zone.dataset.sending : this.zone.dataset.sent;
        this.sending.hidden = false;
        // Every number read out would drown everything else.
        if (done % 10 === 0 || done === total) this.sending.querySelector("p").textContent = fill(text, { done, count: total });
        const bar = this.sending.querySelector("progress");
        bar.max = total;
        bar.value = done;
    }

    buttons(isDisabled) {
        for (const button of form.querySelectorAll("[name=_check], [name=_remove], [name=_model], [name=_preset]")) button.disabled = isDisabled;
    }

    async known() {
        const answer = await this.ask({});
        return (await answer.json()).files;
    }

    async send(file, known) {
        const { mostFiles, mostTogether } = this.zone.dataset;
        if (known.length >= Number(mostFiles)) this.stop(fill(this.zone.dataset.tooMany, { n: this.queue.length }));
        if (known.reduce((sum, other) => sum + other.size, file.size) > Number(mostTogether)) this.stop(this.zone.dataset.tooMuch);
        const body = new FormData();
        body.append("picture", file, file.name);
        body.append("model", form.elements.model?.value ?? "");
        if (form.elements.fix_inputs?.checked) body.append("fix_inputs", "on");
        const answer = await this.ask({ method: "POST", body });
        const { html, problem } = await answer.json();
        if (problem) return this.say(`${file.name}: ${problem}`);
        known.push({ name: file.name, size: file.size, sha256: "" });
        this.shown.innerHTML = html;
        this.zone.classList.add("is-filled");
        for (const button of this.shown.querySelectorAll("button")) button.disabled = this.isBusy;
        if (this.queue.length === 1 || known.length === 1) count("given", known.length);
    }

    stop(text) {
        this.say(text);
        throw new Stopped();
    }

    // Tries again what a short trouble has kept from the server; a refusal is an answer.
    async ask(options) {
        const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
        for (let turn = 0; ; turn += 1) {
            try {
                const answer = await fetch(form.dataset.wanvideoFiles, { ...options, headers, redirect: "manual" });
                if (answer.type === "opaqueredirect" || answer.status === 401) {
                    document.dispatchEvent(new Event("wanvideo:signed-out"));
                    this.stop(this.zone.dataset.failed);
                }
                if (answer.ok || answer.status === 409) return answer;
                if (answer.status < 500 || turn >= WAITS.length) this.stop(this.zone.dataset.failed);
            } catch (error) {
                if (error instanceof Stopped || turn >= WAITS.length) throw error;
            }
            await wait(WAITS[turn]);
        }
    }
}

// What was chosen and goes with the form.
function name(zone, file) {
    zone.classList.add("is-filled");
    const line = zone.querySelector(".wv-chosen") ?? document.createElement("p");
    line.className = "wv-chosen wv-drop-name";
    line.textContent = `${file.name}, ${megabytes(file.size)}`;
    zone.append(line);
}

function setUp(zone) {
    const input = zone.querySelector("input[type=file]");
    const pictures = zone.dataset.wanvideoGiven === "pictures" ? new Pictures(zone) : null;
    const take = (files) => {
        if (pictures) return pictures.take(files);
        const one = new DataTransfer();
        if (files.length) one.items.add(files[0]);
        input.files = one.files;
        if (files.length) name(zone, files[0]);
    };
    zone.classList.add("is-live");
    input.addEventListener("change", () => take([...input.files]));
    zone.addEventListener("dragover", (event) => {
        event.preventDefault();
        zone.classList.add("is-over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
    zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("is-over");
        take([...event.dataTransfer.files]);
    });
    if (input.files.length) take([...input.files]);
}

if (form) {
    form.querySelectorAll("[data-wanvideo-given]").forEach(setUp);
    const prompts = form.elements.prompts;
    const lines = () => prompts.value.split("\n").filter((line) => line.trim()).length;
    prompts?.addEventListener("input", () => {
        if (String(lines()) !== form.elements.lines.value) count("lines", lines());
    });
    const shown = form.querySelector("[data-wanvideo-filled]");
    let timer = 0;
    // By the server, which knows the first picture, or the first row of the table.
    const preview = async () => {
        const body = new FormData();
        for (const part of ["csrfmiddlewaretoken", "batch", "prompt"]) body.append(part, form.elements[part].value);
        try {
            const answer = await fetch(shown.dataset.wanvideoFilled, { method: "POST", body, redirect: "manual" });
            shown.innerHTML = answer.ok ? (await answer.json()).html : "";
        } catch {
            shown.innerHTML = "";
        }
        shown.parentElement.hidden = !shown.innerHTML;
    };
    form.addEventListener("input", (event) => {
        if (event.target.name !== "prompt") return;
        clearTimeout(timer);
        timer = setTimeout(preview, WAIT);
    });
    form.elements.given.addEventListener("change", preview);
    const preset = form.elements.preset;
    const use = form.querySelector("[name=_preset]");
    if (preset && use) {
        use.parentElement.hidden = true;
        preset.addEventListener("change", () => form.requestSubmit(use));
    }
}
