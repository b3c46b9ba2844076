"""The table of the genes of the aging signature, for the page of the data."""

from html import escape

from endomtor.markup import table


def html() -> str:
    """Return the genes of the aging signature that chapter 04 uses, in a block to be opened."""
    from endomtor.public import hsc_aging
    from endomtor.public.originals import STUDIES

    genes, _ = hsc_aging.signature()
    heads = ("gene", "mean log2 fold change, old against young", f"studies, of {len(STUDIES)}")
    rows = [
        f'<tr><th scope="row">{escape(name)}</th> <td class="endomtor-number">{row["average"]:.2f}</td> '
        f'<td class="endomtor-number">{row[list(STUDIES)].notna().sum()}</td></tr>'
        for name, row in genes.iterrows()
    ]
    return (
        f"<details><summary>The {len(genes)} genes of the signature</summary>"
        '<div class="endomtor-table" tabindex="0" role="region" aria-label="Genes of the signature">'
        f"{table(heads, rows)}</div></details>"
    )
