// Choosing another model shows its settings at once, and choosing a preset fills it in; the chosen file stays.
function pressAtOnce(select, button, extra) {
    if (!select || !button) return;
    extra.hidden = true;
    const show = () => select.form.requestSubmit(button);
    // A theme's own drop-down tells only jQuery of a choice; jQuery hears of everybody's.
    if (window.jQuery) window.jQuery(select).on("change", show);
    else select.addEventListener("change", show);
}
function setUp() {
    const model = document.querySelector("#id_model");
    const shows = model?.form?.querySelector(".wv-without-script [name=_model]");
    pressAtOnce(model, shows, shows?.parentElement);
    const uses = document.querySelector("[data-wanvideo-preset]");
    pressAtOnce(document.querySelector("#id_preset"), uses, uses);
}

setUp();
document.addEventListener("wanvideo:swapped", setUp);
