// Written by scripts/engines/refresh-facts.ts.
import { words } from './facts.ts';
import type { EngineFacts } from './facts.ts';

export const sglangFacts: EngineFacts = {
  source: 'PyPI sglang: srt/models, srt/function_call/function_call_parser.py, srt/parser/reasoning_parser.py',
  version: '0.5.18',
  architectures: words(`
    AfmoeForCausalLM ApertusForCausalLM ArceeForCausalLM BaichuanForCausalLM BailingMoEForCausalLM
    BailingMoeForCausalLM BailingMoeV2ForCausalLM BailingMoeV2_5ForCausalLM BertForSequenceClassification
    BertModel CLIPModel ChatGLMModel Cohere2ForCausalLM Cohere2MoeForCausalLM
    Cohere2VisionForConditionalGeneration CohereForCausalLM Contriever DFlashLagunaForCausalLM DbrxForCausalLM
    DeciLMForCausalLM DeepseekForCausalLM DeepseekOCRForCausalLM DeepseekV2ForCausalLM DeepseekV32ForCausalLM
    DeepseekV3ForCausalLM DeepseekV4ForCausalLM DeepseekV4ForCausalLMDSpark DeepseekVL2ForCausalLM
    DotsOCRForCausalLM DotsVLMForCausalLM EmbeddingGemmaModel Ernie4_5_ForCausalLM Ernie4_5_MoeForCausalLM
    Ernie4_5_VLMoeForConditionalGeneration Exaone4ForCausalLM ExaoneForCausalLM ExaoneMoEForCausalLM
    FalconH1ForCausalLM GPT2LMHeadModel GPTBigCodeForCausalLM GPTJForCausalLM Gemma2ForCausalLM
    Gemma2ForSequenceClassification Gemma3ForCausalLM Gemma3ForConditionalGeneration Gemma3nForCausalLM
    Gemma3nForConditionalGeneration Gemma4AssistantForCausalLM Gemma4ForCausalLM Gemma4ForConditionalGeneration
    Gemma4UnifiedAssistantForCausalLM Gemma4UnifiedForConditionalGeneration GemmaForCausalLM Glm4ForCausalLM
    Glm4MoeForCausalLM Glm4MoeLiteForCausalLM Glm4vForConditionalGeneration Glm4vMoeForConditionalGeneration
    GlmAsrForConditionalGeneration GlmImageForConditionalGeneration GlmMoeDsaForCausalLM
    GlmOcrForConditionalGeneration GptOssForCausalLM GraniteForCausalLM GraniteMoeForCausalLM
    GraniteMoeHybridForCausalLM Grok1ForCausalLM Grok1ModelForCausalLM HYV3ForCausalLM HrmTextForCausalLM
    HunYuanDenseV1ForCausalLM HunYuanMoEV1ForCausalLM IQuestCoderForCausalLM IQuestLoopCoderForCausalLM
    InklingForConditionalGeneration InternLM2ForCausalLM InternLM2ForRewardModel InternLM3ForCausalLM
    InternS1ForConditionalGeneration InternS1ProForConditionalGeneration InternS2MobiusForConditionalGeneration
    InternS2PreviewForConditionalGeneration InternVLChatModel JetNemotronForCausalLM
    JetVLMForConditionalGeneration KimiK25ForConditionalGeneration KimiK3ForConditionalGeneration
    KimiLinearForCausalLM KimiVLForConditionalGeneration LLaDA2MoeModelLM LagunaForCausalLM Lfm2BidirectionalModel
    Lfm2ForCausalLM Lfm2MoeForCausalLM Lfm2VlForConditionalGeneration LightOnOCRForConditionalGeneration
    Llama4ForCausalLM Llama4ForConditionalGeneration LlamaEmbeddingModel LlamaForCausalLM LlamaForClassification
    LlamaForSequenceClassification LlamaForSequenceClassificationWithNormal_Weights LlavaForConditionalGeneration
    LlavaLlamaForCausalLM LlavaMistralForCausalLM LlavaQwenForCausalLM LlavaVidForCausalLM
    LocateAnythingForConditionalGeneration LongcatFlashForCausalLM MellumForCausalLM MiDashengLMModel
    MiMoForCausalLM MiMoV2ASRForCausalLM MiMoV2FlashForCausalLM MiMoV2ForCausalLM MindSporeForCausalLM
    MiniCPM3ForCausalLM MiniCPMForCausalLM MiniCPMO MiniCPMV MiniCPMV4_6ForConditionalGeneration
    MiniMaxM2ForCausalLM MiniMaxM3SparseForCausalLM MiniMaxM3SparseForConditionalGeneration Ministral3ForCausalLM
    Mistral3ForConditionalGeneration MistralForCausalLM MistralLarge3ForCausalLM MistralModel MixtralForCausalLM
    MllamaForConditionalGeneration MossVLForConditionalGeneration MultiModalityCausalLM MuseGlimmerAssistantModel
    MuseGlimmerForCausalLM MuseGlimmerForConditionalGeneration NVILAForConditionalGeneration
    NVILALiteForConditionalGeneration NemotronHForCausalLM NemotronHPuzzleForCausalLM
    NemotronH_Nano_Omni_Reasoning_V3 NemotronH_Nano_VL_V2 OPTForCausalLM Olmo2ForCausalLM OlmoForCausalLM
    OlmoeForCausalLM OrionForCausalLM POINTSV15ChatModel PaddleOCRVLForConditionalGeneration PersimmonForCausalLM
    Phi3ForCausalLM Phi3SmallForCausalLM Phi4MMForCausalLM PhiForCausalLM PhiMoEForCausalLM
    PixtralForConditionalGeneration PixtralVisionModel QWenLMHeadModel QuantMixtralForCausalLM
    Qwen2AudioForConditionalGeneration Qwen2ForCausalLM Qwen2ForRewardModel Qwen2ForSequenceClassification
    Qwen2MoeForCausalLM Qwen2VLForConditionalGeneration Qwen2_5_VLForConditionalGeneration
    Qwen3ASRForConditionalGeneration Qwen3DSparkModel Qwen3ForCausalLM Qwen3ForRewardModel
    Qwen3ForSequenceClassification Qwen3Model Qwen3MoeForCausalLM Qwen3NextForCausalLM
    Qwen3OmniMoeForConditionalGeneration Qwen3VLForConditionalGeneration Qwen3VLMoeForConditionalGeneration
    Qwen3_5ForCausalLM Qwen3_5ForConditionalGeneration Qwen3_5MoeForCausalLM Qwen3_5MoeForConditionalGeneration
    SDARForCausalLM SDARMoeForCausalLM Sarashina2VisionForCausalLM SarvamMLAForCausalLM SarvamMoEForCausalLM
    SolarForCausalLM StableLmForCausalLM Starcoder2ForCausalLM Step3VLForConditionalGeneration Step3p5ForCausalLM
    Step3p7ForConditionalGeneration StepVLForConditionalGeneration TeleFLMForCausalLM TorchNativeLlamaForCausalLM
    TorchNativePhi3ForCausalLM TransformersEmbeddingModel TransformersForCausalLM
    TransformersForSequenceClassification TransformersMoEEmbeddingModel TransformersMoEForCausalLM
    TransformersMoEForSequenceClassification TransformersMultiModalEmbeddingModel
    TransformersMultiModalForCausalLM TransformersMultiModalForSequenceClassification
    TransformersMultiModalMoEEmbeddingModel TransformersMultiModalMoEForCausalLM
    TransformersMultiModalMoEForSequenceClassification UnlimitedOCRForCausalLM VoxtralForConditionalGeneration
    WhisperForConditionalGeneration XLMRobertaForSequenceClassification XLMRobertaModel XverseForCausalLM
    XverseMoeForCausalLM YiVLForCausalLM ZayaForCausalLM
  `),
  toolParsers: words(`
    apertus2509 cohere_command4 deepseekv3 deepseekv31 deepseekv32 deepseekv4 gemma4 gigachat3 glm glm45 glm47
    gpt-oss hermes hunyuan inkling interns1 kimi_k2 kimi_k3 lfm2 llama3 mimo minicpm5 minimax-m2 minimax-m3
    mistral muse poolside_v1 pythonic qwen qwen25 qwen3_coder step3 step3p5 trinity
  `),
  reasoningParsers: words(`
    apertus2509 cohere_command4 deepseek-r1 deepseek-v3 deepseek-v4 gemma4 glm45 gpt-oss hunyuan inkling interns1
    kimi kimi_k2 kimi_k3 mimo minimax minimax-append-think minimax-m3 mistral muse nemotron_3 poolside_v1 qwen3
    qwen3-thinking step3 step3p5
  `),
};
