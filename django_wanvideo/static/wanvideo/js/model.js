// Choosing another model shows its settings at once; what was typed and the chosen file stay.
const select = document.querySelector("#id_model");
const button = select?.form?.querySelector("[name=_model]");
if (button) {
    button.parentElement.hidden = true;
    select.addEventListener("change", () => select.form.requestSubmit(button));
}
