// Choosing another model shows its settings at once; what was typed and the chosen file stay.
const select = document.querySelector("#id_model");
const button = select?.form?.querySelector(".wv-without-script [name=_model]");
if (button) {
    button.parentElement.hidden = true;
    const show = () => select.form.requestSubmit(button);
    // A theme's own drop-down tells only jQuery of a choice; jQuery hears of everybody's.
    if (window.jQuery) window.jQuery(select).on("change", show);
    else select.addEventListener("change", show);
}
