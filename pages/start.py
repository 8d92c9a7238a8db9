"""First page: what Needle does, and two ways to begin."""

import streamlit as st

from pages.ui import people
from pages.ui.figures import is_dark
from pages.ui.loading import load_demo
from pages.ui.widgets import ASSETS, enter_frame

enter_frame()
st.title("Find your rare cell type in anybody's data", anchor=False)
st.markdown(
    "Show Needle a few cells that you know. It learns from them, with synthetic cells to make up "
    "for their rarity, tells you honestly how well that works, and finds their like in another "
    "lab's data."
)
picture = "how_it_works_dark.svg" if is_dark() else "how_it_works_light.svg"
st.image(
    str(ASSETS / picture),
    width="stretch",
    alt="Three steps: a reference with a few rare cells, synthetic cells drawn around them to "
    "learn from, and the rare cells found in another dataset.",
)

demo, own, _ = st.columns([1, 1, 3])
if demo.button("Try the demo", type="primary", width="stretch"):
    load_demo("reference")
    st.switch_page("pages/reference.py")
if own.button("Use my data", width="stretch"):
    st.switch_page("pages/reference.py")
place = "server" if people.is_log_in_configured() else "computer"
st.caption(
    "The demo: 700 real blood cells, 10 of 525 reference cells are CD34+ stem cells. It needs no "
    f"network, and nothing you load leaves this {place}."
)
