namespace Orchestrator.Api;

/// <summary>Names one object of a resource; the namespace is empty for what belongs to the cluster.</summary>
public readonly record struct NamespacedName(string Namespace, string Name)
{
    /// <summary>Takes work queues' keys: <c>default/web</c>, or <c>node-1</c> for what has no namespace.</summary>
    /// <exception cref="FormatException">The text has more than one slash.</exception>
    public static NamespacedName Parse(string text)
    {
        int slash = text.IndexOf('/');
        if (slash < 0)
            return new NamespacedName("", text);
        return text.IndexOf('/', slash + 1) < 0
            ? new NamespacedName(text[..slash], text[(slash + 1)..])
            : throw new FormatException($"unexpected key format: \"{text}\"");
    }

    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
