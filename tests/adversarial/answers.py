"""What must hold of every answer, and which refusals there are."""

from __future__ import annotations

from adversarial.questions import RandomQuestion

from placer import api
from placer.api.question import ask
from placer.check.validator import check_plan
from placer.errors import InfeasibleError, InputError, TimeLimitError
from placer.plan.plan import Plan
from placer.plan.ranks import expand_ranks
from placer.plan.serialise import plan_from_json, plan_to_json


def answered(question: RandomQuestion) -> str:
    """Ask; what it came to. An answer that does not hold is an assertion."""
    run = api.RunOptions.model_validate(question.run)
    options = api.SearchOptions(**question.options)
    try:
        plan = api.plan(question.model, question.cluster, run, options)
    except InputError as error:
        return told(bool(error.problems) and all(p.expected for p in error.problems), "input")
    except InfeasibleError as error:
        return told(bool(error.message and error.binding), "infeasible")
    except TimeLimitError:
        return "time limit"
    check(question, plan)
    return plan.status.value


def told(says_why: bool, outcome: str) -> str:
    """The outcome, if the refusal says why."""
    assert says_why, outcome
    return outcome


def check(question: RandomQuestion, plan: Plan) -> None:
    """Check and cost a plan anew; it honours the question and reads back as itself."""
    run = api.RunOptions.model_validate(question.run)
    again = ask(question.model, question.cluster, run, question.options.get("max_gpus"))
    problems = check_plan(
        plan,
        rules=again.rules,
        recost=lambda p: again.cost_model.estimate(p.strategy, p.placement),
    )
    assert not problems, problems
    assert plan.placement.gpus_used <= question.options.get("max_gpus", plan.placement.gpus_used)
    for axis, value in question.options.get("fix", {}).items():
        if axis != "recompute":
            assert getattr(plan.strategy, axis) == value, f"{axis} is not {value}: {plan.strategy}"
    assert plan.bound is not None
    assert plan.bound.lower_bound_s <= plan.estimate.step_time_s * (1 + 1e-9)
    assert plan_from_json(plan_to_json(plan), "plan") == plan
    assert len(expand_ranks(plan).gpu) == plan.placement.gpus_used
