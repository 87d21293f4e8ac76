using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Orchestrator.Api.Generator;

/// <summary>Makes Kubernetes' object model, one class a definition, out of the project's <c>*.schemas.json</c>.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ObjectModelGenerator : IIncrementalGenerator
{
    private const string SchemaSuffix = ".schemas.json";

    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var texts = context.AdditionalTextsProvider
            .Where(file => file.Path.EndsWith(SchemaSuffix, StringComparison.Ordinal))
            .Select((file, cancellation) => file.GetText(cancellation)!.ToString())
            .Collect();
        context.RegisterSourceOutput(texts, (output, schemas) => Write(output, SchemaReader.Read(schemas)));
    }

    private static void Write(SourceProductionContext output, IReadOnlyList<Definition> definitions)
    {
        foreach (var definition in definitions)
            Add(output, $"{definition.Namespace}.{definition.Name}.g.cs", ClassWriter.Write(definition));
        Add(output, "Orchestrator.Api.KindRegistry.g.cs", KindRegistryWriter.Write(definitions));
    }

    private static void Add(SourceProductionContext output, string name, string text) =>
        output.AddSource(name, SourceText.From(text, Encoding.UTF8));
}
