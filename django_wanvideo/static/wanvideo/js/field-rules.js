// Shows the rules between settings as they apply; the server checks them again.
const form = document.getElementById("wanvideo-rules")?.closest("form");

function control(name) {
    return form.querySelector(`[name="${CSS.escape(name)}"]`);
}

function value(name) {
    const first = control(name);
    if (!first) {
        return ["_file", "_url", "_kept"].some((end) => control(name + end)?.value);
    }
    if (first.type === "checkbox") return first.checked;
    if (first.type === "radio") {
        return form.querySelector(`[name="${CSS.escape(name)}"]:checked`)?.value ?? "";
    }
    return first.type === "number" ? Number(first.value) : first.value;
}

function say(name, text, isBroken) {
    const line = document.getElementById(`id_${name}_rule`);
    if (!line) return;
    line.hidden = !text;
    line.classList.toggle("is-warning", Boolean(text) && isBroken);
    line.querySelector("span").textContent = text;
    const help = document.getElementById(`id_${name}_helptext`);
    if (help) help.hidden = Boolean(text);
}

function apply(rules) {
    for (const rule of rules) {
        const others = Object.entries(rule.others).every(([name, wanted]) => value(name) === wanted);
        const allowed = others === (rule.kind === "requires");
        const radios = form.querySelectorAll(`[name="${CSS.escape(rule.parameter)}"][type=radio]`);
        for (const radio of radios) {
            radio.disabled = !allowed && (!rule.values.length || rule.values.includes(radio.value));
        }
        const concerned = !rule.values.length || rule.values.includes(value(rule.parameter));
        const broken = !allowed && (radios.length > 0 || concerned);
        say(rule.parameter, broken ? rule.message : allowed ? rule.note : "", broken);
    }
}

if (form) {
    // Read each time: another model has other rules.
    const show = () => apply(JSON.parse(document.getElementById("wanvideo-rules").textContent));
    form.addEventListener("input", show);
    form.addEventListener("change", show);
    // A theme's own drop-downs tell only jQuery of a choice.
    window.jQuery?.(form).on("change", show);
    // Back fills in the fields without a word.
    addEventListener("pageshow", show);
    document.addEventListener("wanvideo:swapped", show);
    show();
}
