# The cohorts of a sweep that are not there yet. `endomtor sweep --profile` runs this in the folder that keeps them.
# A job writes its file beside and renames it, so a file that is there is whole.
rule all:
    input:
        [f"{name}.parquet" for name in config["jobs"]],


rule cohorts:
    output:
        # Not deleted before the job: another that a killed run has left in the queue may have made it meanwhile.
        update("{name}.parquet"),
    shell:
        config["command"] + " {wildcards.name}"
