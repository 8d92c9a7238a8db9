"""Needle: find a rare cell type of yours in anybody's data. Start with ``make app``."""

import streamlit as st

from pages.ui.banners import admit, menu_position
from pages.ui.messages import show_errors
from pages.ui.state import restore_from_address, write_address
from pages.ui.widgets import LOGO, STYLE

st.set_page_config(page_title="Needle", page_icon=LOGO, layout="wide")
st.html(STYLE)
st.logo(LOGO, size="large")

page = st.navigation(
    [
        st.Page("pages/start.py", title="Start", default=True),
        st.Page("pages/reference.py", title="Reference"),
        st.Page("pages/markers.py", title="Markers"),
        st.Page("pages/train.py", title="Train"),
        st.Page("pages/explore.py", title="Explore parameters", url_path="explore"),
        st.Page("pages/synthetic.py", title="Synthetic cells", url_path="synthetic"),
        st.Page("pages/annotate.py", title="Annotate"),
        st.Page("pages/runs.py", title="Runs"),
        st.Page("pages/models.py", title="Models"),
    ],
    position=menu_position(),
)

with show_errors():
    admit(page.url_path)
    restore_from_address()
    with show_errors():
        page.run()
    write_address()
