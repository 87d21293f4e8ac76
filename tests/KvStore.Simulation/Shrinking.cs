namespace KvStore.Simulation;

/// <summary>Looks for a smaller plan that fails as well: what is left then has to do with the fault.</summary>
internal static class Shrinking
{
    /// <returns>Null when the plan does not fail.</returns>
    public static SimulationPlan? Of(SimulationPlan plan, Action<string> tell)
    {
        if (FailureOf(plan) is not { } failure)
            return null;
        tell(failure.Message);
        SimulationPlan before;
        do
        {
            before = plan;
            foreach (string name in SimulationPlan.Shrinkable)
                plan = Shrink(plan, name, failure.Checker, tell);
        }
        while (plan != before);
        return plan;
    }

    /// <summary>First nothing of it, then as little as can be. What another checker notices is another fault.</summary>
    private static SimulationPlan Shrink(SimulationPlan plan, string name, string checker, Action<string> tell)
    {
        foreach (string less in plan.LessOf(name))
        {
            var smaller = plan.With(name, less);
            if (smaller == plan || FailureOf(smaller) is not { } failure || failure.Checker != checker)
                continue;
            tell($"{name}={less}: {failure.Message}");
            return smaller;
        }
        return plan;
    }

    private static SimulationFailedException? FailureOf(SimulationPlan plan)
    {
        try
        {
            Simulation.Run(plan);
            return null;
        }
        catch (SimulationFailedException failure)
        {
            return failure;
        }
    }
}
