# small-dense on lab: DeepSpeed 0.19.8, 24 GPUs,
# 2.438 s per step.
#
# deepspeed.json: 48 sequences = 1 * 6 micro-batches * dp 8; the learning rate is yours.
# DeepSpeed accepts top-level keys it does not know without a word: check what you add.
# Groups follow from the rank alone (model fastest, then data, then pipe): start the ranks on
# the hosts of rank_table.json, in that order.
# The pipeline is told in Python: build your model with placer_deepspeed.py.
DEEPSPEED_ARGS=(--deepspeed --deepspeed_config "$HERE/deepspeed.json")
export PYTHONPATH="$HERE${PYTHONPATH:+:$PYTHONPATH}"
