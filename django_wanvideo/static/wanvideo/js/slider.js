// Puts a slider beside a number; both mirror each other, only the number is sent.
function setUp() {
    for (const slider of document.querySelectorAll("[data-wanvideo-slider]")) {
        const range = slider.querySelector("input[type=range]");
        const number = slider.querySelector("input[type=number]");
        range.hidden = false;
        slider.classList.add("is-live");
        range.addEventListener("input", () => {
            number.value = range.value;
            number.dispatchEvent(new Event("input", { bubbles: true }));
        });
        const follow = () => {
            if (number.value !== "" && number.checkValidity()) range.value = number.value;
        };
        number.addEventListener("input", follow);
        // Back fills in the number without a word.
        addEventListener("pageshow", follow);
    }
}

setUp();
document.addEventListener("wanvideo:swapped", setUp);
