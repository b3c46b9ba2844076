"""The data contract as data: every table, its columns, levels, ranges, units and keys.

Reading, checking and the reader's page on the data are all generated from `TABLES`.
"""

from dataclasses import dataclass, replace
from functools import partial

from endomtor.contract.problems import listed

GROUPS = ("young", "aged", "control", "ecko")
SEXES = ("F", "M", "mixed", "unknown")
LINEAGES = ("myeloid_pct", "b_pct", "t_pct")
# Measures of `ecko_verification` that tell whether the endothelium is alive.
VESSELS = ("vessel_density", "leakage", "apoptosis_pct")
# Lineages must add to 100 per cent of white cells, give or take rounding.
LINEAGE_SUM = (98.0, 102.0)
SIMULATED_PREFIX = "sim-"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name, meaning : str
        `meaning` is a sentence for the reader, with the unit of measurement.
    kind : {"id", "text", "level", "number", "integer", "flag"}
        "id" names an animal, a cell or a sample; ids are never numbers, so 007 stays 007.
    empty : bool
        An empty cell is allowed (always so in an optional column).
    levels : tuple[str, ...]
        Allowed values of a "level".
    low, high : float or None
        Range of a number; `above` excludes `low` itself.
    vocabulary : {"", "markers", "populations"}
        The list in `data/vocabulary.toml` in which the value should be found.
    """

    name: str
    meaning: str
    kind: str
    required: bool = True
    empty: bool = False
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: bool = False
    vocabulary: str = ""

    @property
    def may_be_empty(self) -> bool:
        """True when an empty cell is missing data, not a fault."""
        return self.empty or not self.required

    @property
    def domain(self) -> str:
        """What a filled cell holds, for messages and the reader's page."""
        if self.kind == "level":
            return listed(self.levels)
        if self.kind == "flag":
            return "true or false"
        if self.kind in ("id", "text"):
            return "text"
        noun = "an integer" if self.kind == "integer" else "a number"
        if self.low is None and self.high is None:
            return noun
        if self.high is None:
            return f"{noun} above {self.low:g}" if self.above else f"{noun} of at least {self.low:g}"
        return f"{noun} from {self.low:g} to {self.high:g}"

    @property
    def expected(self) -> str:
        """Completes "expected ..." for a cell of this column."""
        return f"{self.domain}, or an empty cell" if self.may_be_empty else self.domain


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    name, holds : str
        `holds` is a sentence for the reader.
    key : tuple[str, ...]
        No two rows agree in all of these; those of them that are optional count only where present.
    unit, group : str
        Columns that name the experimental unit and what was assigned to it; "" if there is none.
    stratum : str
        A column within whose levels the groups are compared.
    constant : tuple[tuple[str, str], ...]
        Pairs (unit column, property): a unit has one value of the property, where that column is there.
    animals : tuple[str, ...]
        Columns in which a line of `exclusions.csv` is looked up.
    chapter : str
        The chapter that reads it; "" for what goes with any chapter.
    also : tuple[str, ...]
        Further chapters that read it.
    sheet : str
        Of a matrix, whose further columns are samples: the table that lists them. The two come together.
    verified_by : str
        The table without which what this one says of `ecko` mice is not verified.
    size : str
        The key of a world's design that says how many units a group has; "" where cohorts do not vary it.
    """

    name: str
    holds: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unit: str = "animal"
    group: str = "group"
    stratum: str = ""
    constant: tuple[tuple[str, str], ...] = (("animal", "group"),)
    animals: tuple[str, ...] = ("animal",)
    suffix: str = ".csv"
    chapter: str = ""
    also: tuple[str, ...] = ()
    sheet: str = ""
    verified_by: str = ""
    size: str = ""

    def column(self, name: str) -> Column | None:
        """Return the column of this name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def file(self) -> str:
        """The file's usual name."""
        return f"{self.name}{self.suffix}{'.gz' if self.sheet else ''}"

    @property
    def arms(self) -> list[str]:
        """The columns that make the arms in which units are counted: the stratum, where there is one, and the group."""
        return [column for column in (self.stratum, self.group) if column]


def _level(name, levels, meaning, **more):
    return Column(name, meaning, "level", levels=tuple(levels), **more)


_id, _text, _integer = (partial(Column, kind=kind) for kind in ("id", "text", "integer"))
_amount = partial(Column, kind="number", low=0, above=True)
_percent = partial(Column, kind="number", low=0, high=100)

_ANIMAL = _id("animal", "The mouse.")
_GROUP = _level("group", GROUPS, "What the mouse is; see the groups above.")
_SEX = _level("sex", SEXES, "Sex of the mouse; mixed for a pool of both.")
_BATCH = _text("batch", "Day, run or lane processed together; leaves the model when blank or constant.", empty=True)
_MOUSE = (_ANIMAL, _GROUP, _SEX, _BATCH)
_UNIT = _text("unit", "Unit of measurement of `value`, free text, for example % of LSK or 10^3/uL.")
_POPULATION = _text("population", "Cell population by its name in the vocabulary.", vocabulary="populations")
_TREATED = (
    _ANIMAL,
    _level("age_group", ("young", "aged"), "Age of the mouse at the first dose."),
    _level("treatment", ("vehicle", "rapamycin"), "What the mouse was given."),
    _SEX,
    _BATCH,
)
_RAPAMYCIN = {
    "group": "treatment",
    "stratum": "age_group",
    "constant": (("animal", "age_group"), ("animal", "treatment")),
    "chapter": "02_rapamycin",
    "size": "rapamycin_animals",
}
_MEASURED = (_amount("value", "The amount, in `unit`.", empty=True), _UNIT)
_INJECTED = _amount("cells_injected", "Donor cells per recipient.", required=False)
_COMPETITORS = Column("competitor_cells", "Competitor cells per recipient.", "number", required=False, low=0)
_TISSUE = _level("tissue", ("PB", "BM"), "Blood or bone marrow.", required=False)
_CELL_TYPES = ("WBM", "Lin-", "LSK", "HSC")
_EVERYWHERE = (
    _amount("age_weeks", "Age of the mouse when it was measured, weeks.", required=False),
    _text("litter", "Litter of the mouse.", required=False),
)

_OF = "per cent of donor-derived (or all) white blood cells"
_LINEAGES = (
    _percent("myeloid_pct", f"Myeloid cells, {_OF}; empty only together with B and T cells.", empty=True),
    _percent("b_pct", f"B cells, {_OF}.", empty=True),
    _percent("t_pct", f"T cells, {_OF}.", empty=True),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "bmec_signaling",
            "Flow cytometry of bone-marrow endothelial cells, one row an animal and marker.",
            (
                *_MOUSE,
                _text("marker", "Phospho-protein by its name in the vocabulary.", vocabulary="markers"),
                _amount("mfi", "Fluorescence intensity of the stained sample, arbitrary units."),
                _amount("fmo_mfi", "Intensity of the background tube, arbitrary units.", required=False),
                _level(
                    "background_type",
                    ("FMO", "isotype", "unstained", "inhibitor"),
                    "What the background tube was.",
                    required=False,
                ),
                _amount("total_protein_mfi", "Intensity of the total protein, arbitrary units.", required=False),
                _level("statistic", ("median", "geomean"), "Which average of the cells `mfi` is.", required=False),
                _text("stain_day", "Day of staining.", required=False),
                *_EVERYWHERE,
            ),
            key=("animal", "marker"),
            chapter="01_mtor_decline",
            size="signaling_animals",
        ),
        Table(
            "bmec_cells",
            "Single bone-marrow endothelial cells: raw counts in `X`, gene symbols as the index of `var`.",
            (
                *_MOUSE,
                _text("ec_subtype", "Endothelial subtype, for example sinusoidal or arterial.", required=False),
                *_EVERYWHERE,
            ),
            key=(),
            chapter="01_mtor_decline",
            suffix=".h5ad",
        ),
        Table(
            "rapamycin_blood",
            "Blood counts of mice given rapamycin or vehicle, one row an animal, day and analyte.",
            (
                *_TREATED,
                _integer("day", "Day of the read-out; 0 is before the first dose, negative is earlier."),
                _level(
                    "analyte",
                    ("WBC", "neutrophils", "lymphocytes", "platelets", "RBC", "hemoglobin"),
                    "What was counted.",
                ),
                *_MEASURED,
                *_EVERYWHERE,
            ),
            key=("animal", "day", "analyte"),
            **_RAPAMYCIN,
        ),
        Table(
            "rapamycin_marrow",
            "Marrow populations of mice given rapamycin or vehicle, one row an animal, population and unit.",
            (*_TREATED, _POPULATION, *_MEASURED, *_EVERYWHERE),
            key=("animal", "population", "unit"),
            **_RAPAMYCIN,
        ),
        Table(
            "ecko_blood",
            "Blood lineages (and counts) of the four groups, one row an animal and week.",
            (
                *_MOUSE,
                *_LINEAGES,
                _amount("week", "Week of the read-out.", required=False),
                _percent("nk_pct", "NK cells, per cent of white blood cells.", required=False),
                _percent("other_pct", "Other cells, per cent of white blood cells.", required=False),
                _amount("WBC", "White blood cells, 10^3/uL.", required=False),
                _amount("platelets", "Platelets, 10^3/uL.", required=False),
                _amount("hemoglobin", "Hemoglobin, g/dL.", required=False),
                *_EVERYWHERE,
            ),
            key=("animal", "week"),
            chapter="03_ecko_phenotypes",
            verified_by="ecko_verification",
            size="blood_animals",
        ),
        Table(
            "ecko_marrow",
            "Marrow populations of the four groups, one row an animal, population and unit.",
            (
                *_MOUSE,
                _POPULATION,
                *_MEASURED,
                _text("colony_type", "Kind of colony counted (CFU only).", required=False),
                _amount("plated_cells", "Cells plated (CFU only).", required=False),
                *_EVERYWHERE,
            ),
            key=("animal", "population", "unit"),
            chapter="03_ecko_phenotypes",
            verified_by="ecko_verification",
            size="marrow_animals",
        ),
        Table(
            "ecko_cells",
            "Microscopy of single sorted HSCs, one row a cell; the unit is the mouse.",
            (
                _ANIMAL,
                _GROUP,
                _BATCH,
                _id("cell", "The cell, unique within animal and assay."),
                _level("assay", ("polarity", "gH2AX_foci"), "What was read."),
                Column(
                    "value",
                    "polarity: 1 = polarised, 0 = not; gH2AX_foci: foci in the cell, an integer.",
                    "number",
                    empty=True,
                    low=0,
                ),
                _text("population", "Sorted population.", required=False, vocabulary="populations"),
                Column("blinded", "Was the reader blind to the group?", "flag", required=False),
                *_EVERYWHERE,
            ),
            key=("animal", "assay", "cell"),
            chapter="03_ecko_phenotypes",
            verified_by="ecko_verification",
            size="cells_animals",
        ),
        Table(
            "ecko_limiting_dilution",
            "Limiting-dilution transplants, one row a donor and dose; the unit is the donor.",
            (
                _GROUP,
                _id("donor", "The mouse whose marrow was diluted."),
                _amount("dose", "Cells injected per recipient."),
                _integer("tested", "Recipients that were read out.", low=1),
                _integer("positive", "Recipients with engraftment, at most `tested`.", low=0),
                _level("cell_type", _CELL_TYPES, "Cells that were injected.", required=False),
                _amount("week", "Week of the read-out.", required=False),
                _COMPETITORS,
                _integer(
                    "died_before_readout",
                    "Recipients that died before the read-out (not among `tested`).",
                    required=False,
                    low=0,
                ),
                *_EVERYWHERE,
            ),
            key=("group", "donor", "cell_type", "dose"),
            chapter="03_ecko_phenotypes",
            verified_by="ecko_verification",
            size="dilution_donors",
            unit="donor",
            constant=(("donor", "group"),),
            animals=("donor",),
        ),
        Table(
            "competitive_transplants",
            "Marrow of the four groups beside competitor cells in wild-type hosts, one row a recipient and week;"
            " the unit is the donor.",
            (
                _id("recipient", "The wild-type host that was read out."),
                _id("donor", "The mouse whose marrow was transplanted."),
                _level("donor_group", GROUPS, "What the donor is; see the groups above."),
                _amount("week", "Week after the transplant."),
                _percent("donor_chimerism_pct", "Donor-derived cells, per cent of white blood cells.", empty=True),
                *_LINEAGES,
                _INJECTED,
                _COMPETITORS,
                replace(_BATCH, required=False),
                replace(_SEX, meaning="Sex of the donor.", required=False),
                _TISSUE,
                *_EVERYWHERE,
            ),
            key=("recipient", "week", "tissue"),
            chapter="03_ecko_phenotypes",
            verified_by="ecko_verification",
            size="competitive_donors",
            unit="donor",
            group="donor_group",
            constant=(("donor", "donor_group"), ("donor", "sex"), ("recipient", "donor")),
            animals=("donor", "recipient"),
        ),
        Table(
            "ecko_verification",
            "How far mTOR is gone, in which cells, and how the vessels fare, one row an animal, cell type and measure.",
            (
                _ANIMAL,
                _GROUP,
                _level("cell_type", ("BMEC", "HSPC", "stroma", "other_EC"), "Cells that were measured."),
                _level(
                    "measure",
                    ("Mtor_mRNA", "mTOR_protein", "pS6", "recombined_allele_pct", *VESSELS),
                    "What was measured; recombined_allele_pct and apoptosis_pct are per cent. "
                    "vessel_density, leakage and apoptosis_pct of BMEC tell whether the endothelium is alive.",
                ),
                Column("value", "The amount, in `unit`; above 0 but for a percentage.", "number", empty=True, low=0),
                _UNIT,
                *_EVERYWHERE,
            ),
            key=("animal", "cell_type", "measure"),
            chapter="03_ecko_phenotypes",
        ),
        Table(
            "hspc_counts",
            "RNA-seq of sorted HSPCs: raw integer counts, one row a gene, one column a sample of `hspc_samples`.",
            (_id("gene", "Gene symbol (mouse)."),),
            key=("gene",),
            sheet="hspc_samples",
            chapter="04_transcriptome_resemblance",
            unit="",
            group="",
            constant=(),
            animals=(),
        ),
        Table(
            "hspc_samples",
            "The sample sheet of `hspc_counts`, one row a sample; the two come together.",
            (
                _id("sample", "The sample: a column of `hspc_counts`."),
                *_MOUSE,
                _text("population", "Sorted population.", required=False, vocabulary="populations"),
                _integer("n_animals_pooled", "Mice pooled in the sample.", required=False, low=1),
                *_EVERYWHERE,
            ),
            key=("sample",),
            chapter="04_transcriptome_resemblance",
            verified_by="ecko_verification",
            size="transcriptome_animals",
        ),
        Table(
            "serial_transplants",
            "Serial transplants of wild-type cells, one row a recipient and week; the unit is the exposed animal.",
            (
                _id("recipient", "The mouse that was read out."),
                _id(
                    "exposed_animal",
                    "The animal whose niche exposed the cells: the primary recipient, carried through later passages.",
                ),
                _id("donor", "Source of the wild-type cells, an animal or a pool; a block where it feeds both niches."),
                _level("niche", GROUPS, "Group of the exposed animal."),
                _integer("passage", "1 = primary recipient.", low=1, high=5),
                _amount("week", "Week after this passage's transplant."),
                _percent("donor_chimerism_pct", "Donor-derived cells, per cent of the read-out.", empty=True),
                *_LINEAGES,
                _BATCH,
                _level("host_niche", (*GROUPS, "wildtype"), "Group of the recipient itself.", required=False),
                _TISSUE,
                _level("readout", ("CD45", "HSC", "LSK"), "Population in which chimerism was read.", required=False),
                _INJECTED,
                _COMPETITORS,
                _level("status", ("alive", "died", "culled"), "State of the recipient that week.", required=False),
                *_EVERYWHERE,
            ),
            key=("recipient", "week", "tissue", "readout"),
            chapter="05_serial_transplants",
            verified_by="ecko_verification",
            size="transplant_exposed",
            unit="exposed_animal",
            group="niche",
            constant=(
                ("exposed_animal", "niche"),
                ("recipient", "exposed_animal"),
                ("recipient", "passage"),
                ("recipient", "donor"),
            ),
            animals=("exposed_animal", "recipient", "donor"),
        ),
        Table(
            "survival",
            "Survival of three experiments, one row an animal; the unit of a transplant is the exposed animal.",
            (
                _ANIMAL,
                _level("experiment", ("ecko", "rapamycin", "transplant"), "Which experiment the mouse was in."),
                _level(
                    "group",
                    (*GROUPS, "vehicle", "rapamycin"),
                    "Group of the mouse, of a recipient that of the exposed animal; "
                    "vehicle and rapamycin only in the rapamycin experiment.",
                ),
                _integer("day", "Day of the event, from the start or the challenge.", low=0),
                _level("event", ("died", "euthanised", "censored"), "How the observation ended."),
                _level(
                    "challenge",
                    ("none", "5FU", "irradiation_sublethal", "irradiation_lethal"),
                    "What the mice were challenged with.",
                    required=False,
                ),
                _level(
                    "age_group",
                    ("young", "aged"),
                    "Age of the mouse at the first dose, in the rapamycin experiment.",
                    required=False,
                ),
                _id(
                    "exposed_animal",
                    "Of a recipient, the animal whose niche exposed its cells; "
                    "where blank, that of the recipient in `serial_transplants`.",
                    required=False,
                ),
                _level("sex", SEXES, "Sex of the mouse; a stratum where it varies within a group.", required=False),
                _text("batch", "Batch of the mouse; a stratum where it varies within a group.", required=False),
                *_EVERYWHERE,
            ),
            key=("animal",),
            constant=(
                ("animal", "group"),
                ("animal", "age_group"),
                ("animal", "exposed_animal"),
                ("exposed_animal", "group"),
            ),
            animals=("animal", "exposed_animal"),
            chapter="03_ecko_phenotypes",
            also=("02_rapamycin", "05_serial_transplants"),
        ),
        # A new table stands above this line.
    )
}
TABLES["exclusions"] = Table(
    "exclusions",
    "Animals left out of one table's analyses, with the reason; applied before anything is computed, and shown.",
    (
        _level("table", tuple(TABLES), "Table from which the animal is left out, without the file's ending."),
        _id("animal", "The animal (or donor, exposed animal, recipient) that is left out."),
        _text("reason", "Why."),
    ),
    key=("table", "animal"),
    unit="",
    group="",
    constant=(),
    animals=(),
)

# What each chapter reads; exclusions.csv goes with any of them.
CHAPTERS: dict[str, tuple[str, ...]] = {
    chapter: tuple(table.name for table in TABLES.values() if chapter in (table.chapter, *table.also))
    for chapter in dict.fromkeys(table.chapter for table in TABLES.values() if table.chapter)
}
# Pairs of a count matrix and the sheet of its samples.
MATRICES = {table.name: table.sheet for table in TABLES.values() if table.sheet}


@dataclass(frozen=True)
class Key:
    """One key of `dataset.toml`.

    Attributes
    ----------
    example : str
        The value that stands in a template, as TOML; "" if the template leaves the key out.
    tells : str
        A sentence on what the key means for a verdict; "" if nothing needs to be said.
    chapters : tuple[str, ...]
        Chapters whose box on the data has that sentence.
    """

    name: str
    kind: str
    meaning: str
    example: str = ""
    required: bool = False
    tells: str = ""
    chapters: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The key as it is printed."""
        return self.name.replace("_", " ").replace("cre ", "Cre ").replace("hsc ", "HSC ")


_OF_THE_KNOCK_OUT = ("03_ecko_phenotypes", "04_transcriptome_resemblance", "05_serial_transplants")
DATASET_KEYS = (
    Key("title", "text", "A short name for the data.", '""', required=True),
    Key("provenance", "text", "measured, public or simulated.", '"measured"', required=True),
    Key("source", "text", "A DOI, a URL or a sentence.", '""', required=True),
    Key("licence", "text", "Licence of the data, for example CC-BY-4.0; optional.", '"CC-BY-4.0"'),
    Key("world", "text", "The simulated world; required if simulated."),
    Key("seed", "integer", "The seed of the simulation; required if simulated."),
    Key("example", "flag", "true if the numbers were invented to show the format; optional.", "true"),
    Key("design", "table", "The design of the study; optional."),
)
DESIGN_KEYS = (
    Key("strain", "text", "Strain of the mice.", '"C57BL/6J"'),
    Key(
        "control", "text", "What the controls are, Cre-negative or Cre-only littermates.", '"Cre-negative littermates"'
    ),
    Key(
        "control_genotype",
        "text",
        "Genotype of the controls.",
        '"Mtor fl/fl without Cre, given tamoxifen"',
        tells="Cre-negative littermates are the weakest control, since what Cre does by itself, and with tamoxifen, is "
        "not controlled for.",
        chapters=_OF_THE_KNOCK_OUT,
    ),
    Key(
        "cre_line",
        "text",
        "Cre line of the knock-out.",
        '"Cdh5-CreERT2"',
        tells="Some endothelial Cre lines recombine in blood-forming cells too; the table ecko_verification shows it.",
        chapters=_OF_THE_KNOCK_OUT,
    ),
    Key(
        "inducible",
        "flag",
        "Is Cre induced, and not active from development on?",
        "true",
        tells="A Cre that is not induced acts from development on, and so may what is seen.",
        chapters=_OF_THE_KNOCK_OUT,
    ),
    Key(
        "tamoxifen",
        "text",
        "Dose of tamoxifen, and the time from it to the read-out.",
        '"1 mg a day for 5 days, 6 weeks before"',
        tells="Tamoxifen changes HSCs by itself: only controls that had it too take it out of the difference.",
        chapters=_OF_THE_KNOCK_OUT,
    ),
    Key(
        "host_conditioning",
        "text",
        "How hosts of transplants were conditioned.",
        '"9.5 Gy in one dose"',
        tells="Irradiated ECKO hosts must rebuild their vessels without mTOR: the strongest rival of claim C5.",
        chapters=("05_serial_transplants",),
    ),
    Key(
        "hsc_gate",
        "text",
        "Markers by which HSCs were gated.",
        '"Lin- CD150+ CD48- EPCR+"',
        tells="Inflammation raises Sca-1, so a gate on it may take other cells for HSCs.",
        chapters=("02_rapamycin", "03_ecko_phenotypes", "04_transcriptome_resemblance"),
    ),
    Key("young_weeks", "weeks", "Age range of young mice, weeks, [from, to].", "[10, 14]"),
    Key("aged_weeks", "weeks", "Age range of aged mice, weeks, [from, to].", "[88, 104]"),
    Key("dose", "text", "Dose of rapamycin.", '"4 mg/kg, every other day"'),
    Key("route", "text", "Route of rapamycin.", '"intraperitoneal"'),
    Key(
        "gating",
        "text",
        "Scheme by which populations (MPP1-4 above all) were gated.",
        '"MPP1-4 by CD34, Flt3, CD48, CD150"',
    ),
    Key("randomised", "flag", "Were animals randomised?", "true"),
    Key("blinded", "flag", "Were read-outs blinded?", "true"),
)
