"""Reports as pages of one file: no script, nothing fetched, light and dark, fit for paper.

A page is a title, key figures and sections; what stands in a section is made by ``parts``::

    from placer.report.html.page import Section, page
    from placer.report.html.parts import figure, paragraphs, table

    html = page(
        title="llama-3.1-405b: which cluster?",
        lead=("gb200-superpod-576 is fastest per accelerator.",),
        facts=(("1.83x", "of dgx-h100 per accelerator"),),
        sections=(
            Section(title="Ranking", body=(table(ranking), figure(bars_of(ranking)))),
            Section(title="Assumptions", body=(paragraphs(texts),)),
        ),
        footer=("placer 0.1.0",),
    )

Texts are escaped wherever they come from; only ``Markup`` made by this package and by
``placer.report.svg`` passes as it is.
"""
