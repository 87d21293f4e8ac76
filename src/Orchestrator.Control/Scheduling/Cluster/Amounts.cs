namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Amounts of resources: CPU in thousandths, memory and storage in bytes, others as they are counted.</summary>
internal sealed class Amounts
{
    public long MilliCpu { get; set; }

    public long Memory { get; set; }

    public long EphemeralStorage { get; set; }

    /// <summary>How many pods; of a node's allocatable only.</summary>
    public long Pods { get; set; }

    /// <summary>Everything else by name; null while there is nothing.</summary>
    public Dictionary<string, long>? Others { get; private set; }

    public static Amounts Of(Dictionary<string, Quantity>? quantities)
    {
        var amounts = new Amounts();
        foreach (var (name, quantity) in quantities.OrEmpty())
            amounts.Set(name, name == "cpu" ? quantity.MilliValue : quantity.Value);
        return amounts;
    }

    public long Get(string name) => name switch
    {
        "cpu" => MilliCpu,
        "memory" => Memory,
        "ephemeral-storage" => EphemeralStorage,
        "pods" => Pods,
        _ => Others?.GetValueOrDefault(name) ?? 0,
    };

    public void Set(string name, long amount)
    {
        switch (name)
        {
            case "cpu": MilliCpu = amount; break;
            case "memory": Memory = amount; break;
            case "ephemeral-storage": EphemeralStorage = amount; break;
            case "pods": Pods = amount; break;
            default: (Others ??= [])[name] = amount; break;
        }
    }

    public void Add(Amounts other, int sign = 1)
    {
        MilliCpu += sign * other.MilliCpu;
        Memory += sign * other.Memory;
        EphemeralStorage += sign * other.EphemeralStorage;
        if (other.Others is null)
            return;
        foreach (var (name, amount) in other.Others)
            Set(name, Get(name) + sign * amount);
    }

    /// <summary>Of each resource the greater amount.</summary>
    public void TakeGreater(Amounts other)
    {
        MilliCpu = Math.Max(MilliCpu, other.MilliCpu);
        Memory = Math.Max(Memory, other.Memory);
        EphemeralStorage = Math.Max(EphemeralStorage, other.EphemeralStorage);
        if (other.Others is null)
            return;
        foreach (var (name, amount) in other.Others)
            Set(name, Math.Max(Get(name), amount));
    }

    public Amounts Clone()
    {
        var copy = new Amounts();
        copy.Add(this);
        copy.Pods = Pods;
        return copy;
    }
}
