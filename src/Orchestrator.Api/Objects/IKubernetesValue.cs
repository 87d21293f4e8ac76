using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Whatever Kubernetes' schemas define and that has fields: a Pod, its PodSpec, a LabelSelector.</summary>
public interface IKubernetesValue
{
    /// <summary>Writes the value as one JSON object; what is null, and what is empty and not required, is left out.</summary>
    void WriteTo(Utf8JsonWriter writer);
}

/// <summary>What the generator gives each of those types. Deep copies share nothing that can be changed.</summary>
public interface IKubernetesValue<TSelf> : IKubernetesValue
    where TSelf : class, IKubernetesValue<TSelf>
{
    /// <summary>The name of its definition in <see cref="SchemaSet.Kubernetes"/>: <c>io.k8s.api.core.v1.PodSpec</c>.</summary>
    static abstract string Definition { get; }

    /// <summary>Reads the object (or null, which gives an empty value) that the reader stands on, and leaves it at the object's end.
    /// Unknown fields are skipped.</summary>
    /// <exception cref="JsonException">A value is of another type than its field.</exception>
    static abstract TSelf ReadFrom(ref Utf8JsonReader reader);

    TSelf DeepClone();

    /// <summary>Whether both say the same: an absent list or map equals an empty one, quantities are compared by amount.</summary>
    bool DeepEquals(TSelf? other);
}
