# small-dense on lab: DeepSpeed 0.19.8, 16 GPUs,
# 2.438 s per step.
#
# deepspeed.json: 32 sequences = 1 * 2 micro-batches * dp 16; the learning rate is yours.
# DeepSpeed accepts top-level keys it does not know without a word: check what you add.
# Groups follow from the rank alone (model fastest, then data, then pipe): start the ranks on
# the hosts of rank_table.json, in that order.
DEEPSPEED_ARGS=(--deepspeed --deepspeed_config "$HERE/deepspeed.json")
