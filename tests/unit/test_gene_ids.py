"""Gene names are recognised, cleaned, and mapped only where somebody said so."""

from __future__ import annotations

import h5py
import pandas as pd
import pytest
from anndata.io import read_elem

from core.data.choices import Choices
from core.data.gene_advice import advise_names
from core.data.gene_ids import recognise_names, strip_genome, strip_versions, symbol_columns
from core.data.gene_names import name_genes
from core.data.gene_repairs import find_mangled, restore_case
from core.errors import Finding, ParameterError
from tests.files import write_bad_files

HUMAN = ["CD34", "PPBP", "CD3D", "MS4A1", "CD79A", "HLA-DRA"]
MOUSE = ["Cd34", "Ppbp", "Cd3d", "Ms4a1", "Cd79a", "H2-Ea"]
HUMAN_IDS = ["ENSG00000174059", "ENSG00000163736", "ENSG00000167286", "ENSG00000156738",
             "ENSG00000105369", "ENSG00000204287"]  # fmt: skip
MOUSE_IDS = ["ENSMUSG00000016494", "ENSMUSG00000029372", "ENSMUSG00000032094",
             "ENSMUSG00000024673", "ENSMUSG00000003379", "ENSMUSG00000036322"]  # fmt: skip
INVENTED = [f"hvg{i:04}" for i in range(20)]


def index(names):
    return pd.Index(names, dtype=object)


def name(names, answers=None, **columns):
    """Names, findings and offers that come of gene names with columns beside them."""
    choices = Choices(answers)
    var = pd.DataFrame(columns, index=index(names))
    found = name_genes(var, var.index, choices)
    return found, {f.code: f for f in found.findings}, {f.code: f for f in choices.findings}


def var_of(path):
    with h5py.File(path) as file:
        return read_elem(file["var"])


def genes_of(path):
    return var_of(path).index


# Style and organism -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "style", "organism"),
    [
        (HUMAN, "symbols", "human"),
        (MOUSE, "symbols", "mouse"),
        (HUMAN_IDS, "ensembl", "human"),
        (MOUSE_IDS, "ensembl", "mouse"),
        (["ENSRNOG00000000001", "ENSRNOG00000000007"], "ensembl", ""),
        (HUMAN_IDS[:3] + INVENTED[:3], "ensembl", "human"),
        (HUMAN_IDS[:2] + INVENTED[:3], "other", ""),
        (HUMAN[:5] + INVENTED, "symbols", "human"),
        (HUMAN[:4], "other", ""),
        (HUMAN[:5] + INVENTED + ["made", "up"], "other", ""),
        (INVENTED, "other", ""),
        ([], "other", ""),
    ],
    ids=["human", "mouse", "human-ids", "mouse-ids", "rat-ids", "half-ids", "fewer-ids",
         "a-fifth", "four-genes", "less-than-a-fifth", "invented", "none"],
)  # fmt: skip
def test_style_and_organism_are_told_by_the_names(names, style, organism):
    found = recognise_names(index(names))
    assert (found.style, found.organism, found.lost_case) == (style, organism, False)


@pytest.mark.parametrize(
    ("names", "organism", "lost"),
    [
        ([gene.lower() for gene in [*HUMAN, "XIST", "CD99"]], "human", True),
        ([gene.upper() for gene in [*MOUSE, "H2-Ab1", "0610009B22Rik"]], "mouse", True),
        (["CD34", "PPBP", "CD3D", "MS4A1", "CD79A"], "human", False),
    ],
    ids=["human-in-small-letters", "mouse-in-capitals", "capitals-of-both-are-human"],
)
def test_symbols_in_other_capitals_are_recognised(names, organism, lost):
    found = recognise_names(index(names))
    assert (found.style, found.organism, found.lost_case) == ("symbols", organism, lost)


def test_a_file_of_plain_symbols_gives_no_finding_and_no_offer():
    found, findings, offers = name(HUMAN, gene_ids=HUMAN_IDS, feature_types=["RNA"] * 6)
    assert list(found.names) == HUMAN
    assert (found.style, found.organism, findings, offers) == ("symbols", "human", {}, {})


def test_names_that_are_numbers_become_text():
    found, _, _ = name([0, 1, 2])
    assert list(found.names) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("file", "organism"),
    [("pbmc3k", "human"), ("pbmc_kang_ifnb2800", "human"), ("cbmc_citeseq_anon2000", ""),
     ("pancreas_segerstolpe_neuca", "human"), ("pbmc_symphony_lognorm", "human")],
)  # fmt: skip
def test_real_symbols_give_no_finding(shared_data, file, organism):
    found, findings, offers = name(genes_of(shared_data / f"{file}.h5ad"))
    assert (found.organism, findings, offers) == (organism, {}, {})


# Versions and genomes ---------------------------------------------------------------------------


def test_versions_are_taken_off_ensembl_ids_and_off_nothing_else():
    names = ["ENSG00000174059.17", "ENSMUSG00000016494.9", "ENSG00000163736", "AC012345.1",
             "ENSG00000182378.14_PAR_Y", "ENSG00000174059.17x"]  # fmt: skip
    plain, findings = strip_versions(index(names))
    unversioned = ["ENSG00000174059", "ENSMUSG00000016494", "ENSG00000163736", "AC012345.1",
                   "ENSG00000182378_PAR_Y", "ENSG00000174059.17x"]  # fmt: skip
    assert list(plain) == unversioned
    (finding,) = findings
    assert finding.code == "F-GENE-VERSIONS"
    assert "3 of 6 Ensembl ids" in finding.message


def test_ids_that_differed_by_version_alone_are_left_for_the_caller_to_tell_apart():
    found, findings, _ = name(["ENSG00000174059.17", "ENSG00000174059.2"])
    assert list(found.names) == ["ENSG00000174059"] * 2
    assert list(findings) == ["F-GENE-VERSIONS"]


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (["GRCh38_CD34", "GRCh38_MT-CO1"], ["CD34", "MT-CO1"]),
        (["mm10___Cd34", "mm10___H2-Ab1"], ["Cd34", "H2-Ab1"]),
        (["hg19_ENSG00000174059", "hg19_CD3D"], ["ENSG00000174059", "CD3D"]),
    ],
)
def test_the_one_genome_before_all_names_is_taken_off(names, plain):
    found, findings = strip_genome(index(names), pd.DataFrame(index=names))
    assert list(found) == plain
    assert [finding.code for finding in findings] == ["F-GENE-NAMES-REPAIRED"]
    assert f"'{names[0]}' is '{plain[0]}' now" in findings[0].message


def test_names_of_two_genomes_are_kept_and_named():
    names = index(["GRCh38_CD34", "mm10_Cd34"])
    found, findings = strip_genome(names, pd.DataFrame(index=names))
    assert found is names
    assert [finding.code for finding in findings] == ["W-GENOMES"]
    assert "GRCh38, mm10" in findings[0].message
    assert strip_genome(names, pd.DataFrame({"genome": ["a", "b"]}, index=names)) == (names, [])


@pytest.mark.parametrize("names", [["GRCh38_CD34", "CD3D"], ["GRCh38_"], ["mm_1", "mm_2"], []])
def test_names_that_only_look_like_a_genome_are_kept(names):
    found, findings = strip_genome(index(names), pd.DataFrame(index=names))
    assert (list(found), findings) == (names, [])


# Ids and symbols --------------------------------------------------------------------------------


def test_symbols_are_offered_for_ids_with_the_coverage_of_each_source():
    symbols = [*HUMAN[:4], None, ""]
    found, findings, offers = name(HUMAN_IDS, gene_name=symbols)
    assert (list(found.names), found.style, findings) == (HUMAN_IDS, "ensembl", {})
    offer = offers["W-GENE-IDS"]
    assert list(offer.options) == ["column:gene_name", "table", "keep"]
    assert "named by Ensembl ids, not by symbols" in offer.message
    assert "column 'gene_name': 4 of 6 genes" in offer.message
    assert "Needle's own table: 6 of 6 genes" in offer.message
    assert offer.suggested == ""


def test_symbols_of_a_column_are_taken_and_genes_without_one_keep_their_id():
    symbols = ["A1", " B2 ", None, "", "ENSG00000156738", "nan"]
    answers = {"W-GENE-IDS": "column:Gene name"}
    with pytest.raises(ParameterError, match="column:Gene name") as caught:
        name(HUMAN_IDS, answers, **{"Gene name": symbols})  # 2 of 6 are too few to be offered
    assert caught.value.code == "E-CHOICE"
    symbols[2] = "C3"
    found, findings, offers = name(HUMAN_IDS, answers, **{"Gene name": symbols})
    assert list(found.names) == ["A1", "B2", "C3", *HUMAN_IDS[3:]]
    assert offers == {}
    message = findings["F-GENES-RENAMED"].message
    assert "3 of 6 genes were renamed (symbols from column 'Gene name')" in message
    assert "The other 3 kept their name." in message


@pytest.mark.parametrize(("ids", "symbols"), [(HUMAN_IDS, HUMAN), (MOUSE_IDS, MOUSE)])
def test_the_table_gives_the_symbols_that_the_genes_have(ids, symbols):
    versioned = [f"{gene}.{i + 1}" for i, gene in enumerate(ids)]
    found, findings, _ = name(versioned, {"W-GENE-IDS": "table"})
    assert list(found.names) == symbols
    assert list(findings) == ["F-GENE-VERSIONS", "F-GENES-RENAMED"]


def test_symbols_that_were_chosen_are_symbols_however_few_or_strange():
    found, _, _ = name(HUMAN_IDS[:2], {"W-GENE-IDS": "table"})
    assert (list(found.names), found.style, found.organism) == (HUMAN[:2], "symbols", "human")
    answers = {"W-GENE-IDS": "column:symbol"}
    found, _, offers = name(["ENSRNOG00000000001"], answers, symbol=["Arsj"])
    assert (list(found.names), found.style, found.organism) == (["Arsj"], "symbols", "")
    assert offers == {}


def test_the_table_is_offered_from_half_of_the_genes_on():
    unknown = [f"ENSG09{i:09}" for i in range(7)]
    assert "table" in name(HUMAN_IDS + unknown[:6])[2]["W-GENE-IDS"].options
    assert name(HUMAN_IDS + unknown)[2] == {}


@pytest.mark.parametrize("answer", ["keep", None])
def test_ids_stay_when_the_offer_is_not_taken_up(answer):
    found, findings, offers = name(HUMAN_IDS, {"W-GENE-IDS": answer} if answer else None)
    assert (list(found.names), findings) == (HUMAN_IDS, {})
    assert list(offers) == ([] if answer else ["W-GENE-IDS"])


def test_symbols_beside_numbers_are_offered_and_other_text_is_not():
    _, _, offers = name(range(6), feature_name=HUMAN, chromosome=["1"] * 6)
    assert list(offers["W-GENE-IDS"].options) == ["column:feature_name", "keep"]
    assert name(range(6), feature_name=INVENTED[:6])[2] == {}
    found, _, _ = name(range(6), {"W-GENE-IDS": "column:feature_name"}, feature_name=HUMAN)
    assert (list(found.names), found.style, found.organism) == (HUMAN, "symbols", "human")


def test_columns_of_symbols_are_found_by_name_or_by_what_they_hold():
    var = pd.DataFrame(
        {
            "odd": HUMAN,
            "Symbol": pd.Categorical(INVENTED[:6]),
            "gene_ids": HUMAN_IDS,
            "feature_name": ["Gene Expression"] * 6,
            "gene_name": [1, 2, 3, 4, 5, 6],
            "text": INVENTED[:6],
        },
        index=index(HUMAN_IDS),
    )
    assert symbol_columns(var) == ["Symbol", "odd"]


# Mouse ------------------------------------------------------------------------------------------


def test_human_orthologs_are_offered_for_mouse_symbols_and_taken_on_request():
    names = [*MOUSE, "Cd8b1", "Gm12345"]
    found, findings, offers = name(names)
    assert (list(found.names), found.organism, findings) == (names, "mouse", {})
    assert list(offers) == ["W-MOUSE"]
    assert "6 of 8 genes have one human ortholog" in offers["W-MOUSE"].message
    found, findings, offers = name(names, {"W-MOUSE": "human-orthologs"})
    assert list(found.names) == [*HUMAN, "Cd8b1", "Gm12345"]
    assert "The other 2 have none and kept their name." in findings["F-GENES-RENAMED"].message
    assert (found.organism, offers) == ("human", {})


def test_human_orthologs_of_mouse_ids_are_human_ids():
    found, _, offers = name(MOUSE_IDS, {"W-MOUSE": "human-orthologs"})
    assert (list(found.names), list(offers)) == (HUMAN_IDS, ["W-GENE-IDS"])


def test_mouse_ids_become_human_symbols_by_both_choices():
    found, findings, _ = name(MOUSE_IDS, {"W-GENE-IDS": "table", "W-MOUSE": "human-orthologs"})
    assert list(found.names) == HUMAN
    assert list(findings) == ["F-GENES-RENAMED"]
    assert len(found.findings) == 2


def test_human_genes_get_no_offer_of_orthologs():
    assert list(name(MOUSE)[2]) == ["W-MOUSE"]
    assert name(HUMAN)[2] == {}


# Names damaged by Excel and R -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "was"),
    [
        ("2-Sep", "SEPTIN2"),
        ("Sep-02", "SEPTIN2"),
        ("02-Sep", "SEPTIN2"),
        ("2019-09-02", "SEPTIN2"),
        ("2019-09-02 00:00:00", "SEPTIN2"),
        ("11-Mar", "MARCHF11"),
        ("Mar-03", "MARCHF3"),
        ("2021-03-08", "MARCHF8"),
        ("1-Dec", "DELEC1"),
        ("15-Sep", "SELENOF"),
        ("HLA.DRA", "HLA-DRA"),
        ("MT.CO1", "MT-CO1"),
        ("NKX2.5", "NKX2-5"),
        ("RP11.34P13.7", "RP11-34P13.7"),
    ],
)
def test_a_name_that_can_have_been_one_gene_alone_is_repaired(written, was):
    assert find_mangled(index([written]), "human").repairs == {written: was}


@pytest.mark.parametrize(
    "written",
    ["1-Mar", "Mar-01", "2-Mar", "4-Oct", "13-Sep", "2002-09-01", "2001-03-01", "44441", "44256.0"],
)
def test_a_date_that_may_have_been_two_genes_or_none_is_named_alone(written):
    found = find_mangled(index([written]), "human")
    assert (found.repairs, found.unclear) == ({}, (written,))


@pytest.mark.parametrize("written", ["SEPTIN2", "AC012345.1", "H2AC4", "Y.RNA", "March", "1", "X"])
def test_other_names_are_left_alone(written):
    assert not find_mangled(index([written]), "human")


@pytest.mark.parametrize(
    ("written", "was"),
    [("2-Sep", "Septin2"), ("H2.Ab1", "H2-Ab1"), ("X1700109K24Rik", "1700109K24Rik"),
     ("mt.Nd1", "mt-Nd1")],
)  # fmt: skip
def test_mouse_names_are_repaired_to_mouse_names(written, was):
    assert find_mangled(index([written]), "mouse").repairs == {written: was}


def test_a_repair_is_offered_with_examples_and_done_on_request():
    names = [*HUMAN, "2-Sep", "1-Mar", "MT.CO1"]
    found, findings, offers = name(names)
    assert (list(found.names), findings) == (names, {})
    offer = offers["W-GENE-NAMES-MANGLED"]
    assert list(offer.options) == ["repair", "keep"]
    assert "2 gene names were changed" in offer.message
    assert "'2-Sep' for SEPTIN2, 'MT.CO1' for MT-CO1" in offer.message
    assert "'1-Mar'" in offer.message
    found, findings, offers = name(names, {"W-GENE-NAMES-MANGLED": "repair"})
    assert list(found.names) == [*HUMAN, "SEPTIN2", "1-Mar", "MT-CO1"]
    assert "Left as they are" in findings["F-GENE-NAMES-REPAIRED"].message
    assert offers == {}


def test_dates_that_cannot_be_repaired_are_a_warning_without_an_offer():
    _, findings, offers = name([*HUMAN, "1-Mar", "2-Mar"])
    assert (list(findings), offers) == (["W-GENE-NAMES-MANGLED"], {})
    assert findings["W-GENE-NAMES-MANGLED"].options == {}
    assert "'1-Mar', '2-Mar'" in findings["W-GENE-NAMES-MANGLED"].message


def test_names_that_r_changed_are_found_in_real_data(shared_data):
    genes = genes_of(shared_data / "pancreas_baron_neuca.h5ad")
    found, _, offers = name(genes, {"W-GENE-NAMES-MANGLED": "repair"})
    assert offers == {}
    assert "HLA.A" in genes
    assert "HLA-A" in found.names
    assert not [gene for gene in found.names if gene.startswith("HLA.")]


def test_lower_case_names_are_given_the_capitals_of_the_organism_that_is_chosen():
    names = [gene.lower() for gene in HUMAN[:5]]
    found, findings, offers = name(names)
    assert (list(found.names), findings) == (names, {})
    assert list(offers["W-GENE-NAMES-MANGLED"].options) == ["human", "mouse", "keep"]
    found, findings, _ = name(names, {"W-GENE-NAMES-MANGLED": "human"})
    assert (list(found.names), found.organism) == (HUMAN[:5], "human")
    assert list(findings) == ["F-GENE-NAMES-REPAIRED"]
    found, _, offers = name(names, {"W-GENE-NAMES-MANGLED": "mouse"})
    assert (list(found.names), found.organism) == (MOUSE[:5], "mouse")
    assert list(offers) == ["W-MOUSE"]


def test_case_is_restored_for_names_that_are_known_in_it():
    assert restore_case(index(["cd34", "CD3D", "hay"]), "human") == {"cd34": "CD34"}


# Advice -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "available", "choices", "found"),
    [
        (HUMAN, HUMAN_IDS, {"W-GENE-IDS": "table"}, (0, 6)),
        (HUMAN, MOUSE, {"W-MOUSE": "human-orthologs"}, (0, 6)),
        (HUMAN, MOUSE_IDS, {"W-GENE-IDS": "table", "W-MOUSE": "human-orthologs"}, (0, 6)),
        (HUMAN_IDS, MOUSE_IDS, {"W-MOUSE": "human-orthologs"}, (0, 6)),
        (MOUSE, MOUSE_IDS, {"W-GENE-IDS": "table"}, (0, 6)),
        (HUMAN, [*HUMAN[:5], "HLA.DRA"], {"W-GENE-NAMES-MANGLED": "repair"}, (5, 6)),
        (HUMAN, [g.lower() for g in HUMAN], {"W-GENE-NAMES-MANGLED": "human"}, (0, 6)),
        (MOUSE[:5], [g.lower() for g in MOUSE], {"W-GENE-NAMES-MANGLED": "mouse"}, (0, 5)),
    ],
)
def test_the_fewest_choices_are_advised_that_find_the_most_genes(wanted, available, choices, found):
    advice = advise_names(wanted, index(available))
    assert advice.choices == choices
    assert (advice.n_before, advice.n_after) == found


@pytest.mark.parametrize("available", [HUMAN, HUMAN[:5], INVENTED, []])
def test_no_advice_is_given_where_no_choice_helps(available):
    assert advise_names(HUMAN, index(available)) is None


def test_a_column_that_the_file_offers_goes_before_the_table():
    options = {"column:symbol": "6 of 6", "table": "6 of 6", "keep": ""}
    offer = Finding("W-GENE-IDS", "", "", options)
    advice = advise_names(HUMAN, index(HUMAN_IDS), [offer])
    assert advice.choices == {"W-GENE-IDS": "column:symbol"}
    assert advice.answers == "'column:symbol' for W-GENE-IDS"


# The awkward files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "style", "findings", "offers"),
    [
        ("ok_basic", "symbols", [], []),
        ("ids_ensembl", "ensembl", [], ["W-GENE-IDS"]),
        ("ids_ensembl_versioned", "ensembl", ["F-GENE-VERSIONS"], []),
        ("ids_mouse_case", "symbols", [], ["W-MOUSE"]),
        ("ids_dup_genes", "symbols", [], []),
        ("names_html", "other", [], []),
        ("names_formula", "other", [], []),
    ],
)
def test_awkward_files_get_the_codes_of_their_verdicts(tmp_path, case, style, findings, offers):
    (path,) = write_bad_files(case, tmp_path).glob("*.h5ad")
    choices = Choices()
    var = var_of(path)
    found = name_genes(var, var.index, choices)
    assert found.style == style
    assert [finding.code for finding in found.findings] == findings
    assert [finding.code for finding in choices.findings] == offers
