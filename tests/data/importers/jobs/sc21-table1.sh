#!/bin/bash
MODEL_SIZE=145B

case $MODEL_SIZE in
    76B) TP=8; PP=4; MBS=2; GBS=1792; NLS=60; HS=10240; NAH=80; NNODES=128 ;;
    145B)
        TP=8
        PP=8
        MBS=2
        GBS=2304
        NLS=80
        HS=12288
        NAH=96
        NNODES=192
        EXTRA="--recompute-granularity full --recompute-method uniform --recompute-num-layers 1 --num-layers-per-virtual-pipeline-stage 5 "
        ;;
    *) echo "no such model"; exit 1 ;;
esac
options=" \
    --tensor-model-parallel-size ${TP} \
    --pipeline-model-parallel-size ${PP} \
    --num-layers ${NLS} --hidden-size ${HS} --num-attention-heads ${NAH} \
    --seq-length 2048 --max-position-embeddings 2048 \
    --micro-batch-size ${MBS} --global-batch-size ${GBS} \
    --tokenizer-type GPT2BPETokenizer --fp16 ${EXTRA}"
run_cmd="python -u pretrain_gpt.py ${options}"
launch() {
    srun -l --nodes=$NNODES sh -c "${run_cmd}"
}
launch
