"""Options of pruning, training, readout and search, as these see them: of one data set."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

# Strict: else yes, which YAML reads as true, would be a 1.
LearningRate = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, le=10**9, strict=True)]
Epochs = Count
Schedule = Annotated[list[tuple[LearningRate, Epochs]], Field(min_length=1)]


class ClosedModel(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """pydantic would take true, which is YAML's yes and on, for 1."""
        if cls.model_fields[info.field_name].annotation is not bool and _holds_bool(value):
            raise ValueError("true and false (yes, no, on, off) are no values of this key")
        return value


def _holds_bool(value: Any, depth: int = 3) -> bool:
    """Lists are looked into, but no deeper than any of ours: YAML can make one hold itself."""
    if isinstance(value, list) and depth:
        return any(_holds_bool(item, depth - 1) for item in value)
    return isinstance(value, bool)


class GradientOptions(ClosedModel):
    """Algorithm 3. The paper gives the schedule; the rest is our reading of it.

    schedule: (learning rate, epochs) pairs in order. mask_init: "normal" is N(0.5, 0.01^2),
    "uniform" is U(0, 1). sigmoid: whether the mask is the sigmoid of what is trained, and so stays
    between 0 and 1; it starts from the same values. inverse_temperature: what logits are multiplied
    by, which changes no prediction, but the loss that the mask is trained on.
    """

    schedule: Schedule
    momentum: float = Field(default=0.9, ge=0, lt=1)
    batch_size: Count = 128
    mask_init: Literal["normal", "uniform"] = "normal"
    sigmoid: bool = False
    inverse_temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class CoresetOptions(ClosedModel):
    """Mussay et al. 2019.

    reweight: scale the outgoing weights of the kept neurons so that they stand for all of them.
    beta: the bound on a layer's input in the importance of its neurons; "data" is the largest norm
    over the training set, "one" is 1, as in the authors' code.
    """

    reweight: bool = True
    beta: Literal["data", "one"] = "data"


class FreshLayersOptions(ClosedModel):
    """Algorithm 2 as it is printed. build: the neurons of each new layer before it is pruned."""

    build: Count = 2000


class BestRandomOptions(ClosedModel):
    """draws: how many random subsets there are to choose from."""

    draws: Count = 100


def _ascending(values: list[float]) -> list[float]:
    if values != sorted(set(values)):
        raise ValueError("the numbers must ascend")
    return values


InverseTemperatures = Annotated[
    list[Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]],
    Field(min_length=1),
    AfterValidator(_ascending),
]


class SecondOrderOptions(ClosedModel):
    """Second-order OSSuM, see docs/second-order.md.

    examples: how many training examples, at most, say how neurons overlap. inverse_temperatures: to
    choose from by the accuracy on these examples, in units of the best one for OSSuM's own
    subnetwork. swaps: how many neurons, at most, may be swapped after they are chosen greedily.
    """

    examples: Count = 10_000
    inverse_temperatures: InverseTemperatures = [1, 1.4, 2, 2.8, 4]
    swaps: Annotated[int, Field(ge=0, le=10**9, strict=True)] = 200


class GreedyCrossEntropyOptions(ClosedModel):
    """Neurons one by one by the training loss. examples, inverse_temperatures: as for
    `SecondOrderOptions`."""

    examples: Count = 5_000
    inverse_temperatures: InverseTemperatures = [1, 1.4, 2, 2.8, 4]


class PruningOptions(ClosedModel):
    """The options of every method that has any, under the method's id with "_" for "-".

    A method and its forms for deep networks, whose ids end in -norm and -pab, share their options.
    """

    gradient: GradientOptions | None = None
    coreset: CoresetOptions = CoresetOptions()
    best_random: BestRandomOptions = BestRandomOptions()
    ossum_pab_fresh: FreshLayersOptions = FreshLayersOptions()
    second_order_ossum: SecondOrderOptions = SecondOrderOptions()
    greedy_cross_entropy: GreedyCrossEntropyOptions = GreedyCrossEntropyOptions()

    def of(self, method: str) -> dict:
        """The options of one method as plain values; {} if it has none."""
        name = option_name(method)
        options = getattr(self, name) if name in type(self).model_fields else None
        return options.model_dump() if options else {}

    @classmethod
    def of_methods(cls, options: dict[str, dict]) -> "PruningOptions":
        """The inverse of `of`: from the options of some methods, the others with their defaults."""
        given = {option_name(method): values for method, values in options.items() if values}
        return cls.model_validate(given)


def option_name(method: str) -> str:
    """The key of a method's options, if it has any."""
    return method.removesuffix("-norm").removesuffix("-pab").replace("-", "_")


class TrainingOptions(ClosedModel):
    """How networks are trained on one data set.

    schedule: (learning rate, epochs) pairs in order; empty for no training. The optimizer goes on
    with its state when the rate changes. momentum: of SGD; Adam has torch's defaults.
    """

    optimizer: Literal["sgd", "adam"]
    schedule: list[tuple[LearningRate, Epochs]]
    momentum: float = Field(default=0.9, ge=0, lt=1)
    batch_size: Count = 128


class SearchOptions(ClosedModel):
    """Architecture search. fractions: of each hidden layer's neurons that are kept."""

    fractions: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1), AfterValidator(_ascending)
    ] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


class ReadoutOptions(ClosedModel):
    """Logistic regression on frozen activations.

    C: scikit-learn's inverse strength of the L2 penalty, on standardised activations.
    max_iterations: of L-BFGS. Where it stops earlier than the solver would, the log says so.
    """

    C: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    max_iterations: Count = 1000
